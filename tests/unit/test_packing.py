"""Continuations behind one prompt in one row: what is where, and who sees whom."""

from isogloss.scoring.score import Read, collate, pack, separate

PROMPT = [1, 10, 11]
SHORT, LONG, SAME_START = [20], [20, 21, 22], [20, 21]


def test_a_row_is_the_prompt_and_all_but_the_last_token_of_each_continuation():
    row = pack(7, PROMPT, [SHORT, LONG, SAME_START])
    assert row.item == 7
    assert row.ids == (1, 10, 11, 20, 21, 20)
    assert row.segments == (0, 0, 0, 2, 2, 3)
    assert row.positions == (0, 1, 2, 3, 4, 3)
    assert row.prompt_length == 3


def test_every_token_is_read_where_it_is_predicted():
    row = pack(0, PROMPT, [SHORT, LONG, SAME_START])
    assert row.reads == (
        Read(2, 20, 0),
        Read(2, 20, 1),
        Read(3, 21, 1),
        Read(4, 22, 1),
        Read(2, 20, 2),
        Read(5, 21, 2),
    )


def test_separate_rows_hold_the_same_reads():
    packed = pack(3, PROMPT, [SHORT, LONG])
    rows = separate(3, PROMPT, [SHORT, LONG])
    assert [row.ids for row in rows] == [(1, 10, 11), (1, 10, 11, 20, 21)]
    assert {row.item for row in rows} == {3}
    targets = [(read.option, read.target) for row in rows for read in row.reads]
    assert targets == [(read.option, read.target) for read in packed.reads]


def seen(side):
    batch = collate([pack(0, PROMPT, [LONG, SAME_START]), pack(1, [1], [[30, 31]])], pad_id=0, side=side)
    return batch, batch.allowed.int().tolist()


def test_a_continuation_sees_the_prompt_and_itself_up_to_here():
    _, allowed = seen("right")
    assert allowed[0] == [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 0, 0],
        [1, 1, 1, 1, 1, 0],
        [1, 1, 1, 0, 0, 1],
    ]


def test_nothing_real_sees_padding():
    for side in ("left", "right"):
        batch, _ = seen(side)
        real = batch.padded.real
        assert not bool((batch.allowed & real[:, :, None] & ~real[:, None, :]).any())


def test_prompt_ends_and_reads_move_with_the_padding():
    left, right = seen("left")[0], seen("right")[0]
    assert right.prompt_ends.tolist() == [2, 0]
    assert left.prompt_ends.tolist() == [2, 4]
    assert left.padded.offset == (0, 4)
    for batch in (left, right):
        for row, ids, begin in zip(batch.rows, batch.padded.ids.tolist(), batch.padded.offset, strict=True):
            assert ids[begin : begin + len(row.ids)] == list(row.ids)
