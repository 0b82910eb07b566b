"use strict";
// Each figure stands still in the page. When it comes near, the same specification is drawn live in its place, for the
// width of the screen; controls set its parameters, a slider replaces its points.
(() => {
  const narrow = matchMedia("(max-width: 640px)");

  const parsed = (figure, kind) => {
    const script = figure.querySelector(`script[data-part="${kind}"]`);
    return script ? JSON.parse(script.textContent) : null;
  };

  // Records from columns of distinct values and places.
  const records = ({ count, columns }) => {
    const rows = Array.from({ length: count }, () => ({}));
    for (const [name, [values, places]] of Object.entries(columns)) {
      rows.forEach((row, index) => {
        const place = places ? places[index] : index;
        if (place >= 0) row[name] = values[place];
      });
    }
    return rows;
  };

  // What a frame of whole numbers stands for; rows_of in report/projections.py does the same.
  const unpacked = (shared, frame) => {
    const rows = [];
    const unit = frame.reach / shared.steps;
    let next = 0;
    shared.panels.forEach((panel, index) => {
      const state = shared.states[index];
      for (const axis of ["universal", "localized"]) rows.push({ panel, state, axis, share: frame.shares[index] });
      for (const [code, axis, question] of shared.rows) {
        const x = frame.values[next++] * unit, y = frame.values[next++] * unit;
        rows.push({ panel, state, code, language: shared.names[code], axis, question, x, y });
      }
    });
    return rows;
  };

  class Chart {
    constructor(figure) {
      this.figure = figure;
      this.live = figure.querySelector(".live");
      this.form = figure.querySelector("form");
      this.shown = this.view = null;
      this.slides = parsed(figure, "frames");
      this.touched = false;
      this.running = Promise.resolve();
      if (!this.form) return;
      this.form.hidden = false;
      this.form.addEventListener("submit", (event) => event.preventDefault());
      this.form.addEventListener("input", () => this.set());
      this.form.reset();
    }

    // Everything in its turn: a drawing that is asked for while another is made waits for it.
    then(step) {
      this.running = this.running.then(step).catch((error) => console.error(this.figure.id, error));
      return this.running;
    }

    draw() {
      return this.then(async () => {
        const wanted = narrow.matches ? "narrow" : "wide";
        if (this.shown === wanted) return;
        if (this.view) this.view.finalize();
        const inner = document.createElement("div"); // the library names it; the name of the figure is our own
        this.live.replaceChildren(inner);
        const spec = { ...parsed(this.figure, wanted), datasets: this.datasets() };
        const result = await vegaEmbed(inner, spec, {
          mode: "vega-lite", renderer: "svg", ast: true, actions: false, defaultStyle: false,
          tooltip: { disableDefaultStyle: true },
        });
        this.view = result.view;
        this.shown = wanted;
        const svg = this.live.querySelector("svg");
        svg.style.maxWidth = `${svg.getAttribute("width")}px`;
        if (this.touched) await this.apply();
        this.figure.dataset.live = wanted;
      });
    }

    datasets() {
      const data = Object.entries(parsed(this.figure, "data")).map(([name, columns]) => [name, records(columns)]);
      if (this.slides) data.push([this.slides.data, unpacked(this.slides.shared, this.slides.frames[this.slides.start])]);
      return Object.fromEntries(data);
    }

    set() {
      this.touched = true;
      const slider = this.form.querySelector("input[type=range]");
      if (slider) {
        const value = this.values(slider)[slider.valueAsNumber];
        slider.setAttribute("aria-valuetext", `layer ${value}`);
        this.form.querySelector("output").textContent = value;
      }
      this.draw();
      return this.then(() => this.apply());
    }

    values(slider) {
      return slider.dataset.values.split(" ");
    }

    async apply() {
      for (const group of this.form.querySelectorAll("fieldset[data-signal]")) {
        this.view.signal(group.dataset.signal, [...group.querySelectorAll("input:checked")].map((box) => box.value));
      }
      for (const menu of this.form.querySelectorAll("select[data-signal]")) this.view.signal(menu.dataset.signal, menu.value);
      const slider = this.form.querySelector("input[type=range]");
      if (slider) {
        const frame = this.slides.frames[this.values(slider)[slider.valueAsNumber]];
        const rows = unpacked(this.slides.shared, frame);
        this.view.data(this.slides.data, rows);
      }
      await this.view.runAsync();
      this.figure.dataset.drawn = String(Number(this.figure.dataset.drawn || 0) + 1);
    }
  }

  const charts = new Map();
  for (const figure of document.querySelectorAll("figure[data-chart]")) charts.set(figure, new Chart(figure));
  const near = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) charts.get(entry.target).draw();
  }, { rootMargin: "600px 0px" });
  for (const figure of charts.keys()) near.observe(figure);
  narrow.addEventListener("change", () => {
    for (const chart of charts.values()) if (chart.shown) chart.draw();
  });
})();
