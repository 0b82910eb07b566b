"""Indonesian wording of the localized kinds."""

SLOTS = {
    "in": ("", " di Indonesia"),
    "here": (" di sini", " di Indonesia"),
    "in_ours": (" di negara kita", " di Indonesia"),
    "of_ours": (" negara kita", " Indonesia"),
    "ours": ("negara kita", "Indonesia"),
}

QUESTIONS = {
    "currency": (
        "Apa mata uang nasional{in}?",
        "Apa nama uang yang dipakai{in_ours}?",
        "Mata uang apa yang dipakai untuk membayar{in_ours}?",
    ),
    "currency-symbol": (
        "Apa simbol mata uang yang berlaku{in}?",
        "Simbol apa yang tertulis di samping harga di toko{in}?",
        "Lambang apa yang dipakai untuk uang{in_ours}?",
    ),
    "currency-code": (
        "Apa kode ISO tiga huruf untuk mata uang yang berlaku{in}?",
        "Apa kode ISO 4217 untuk mata uang nasional{in}?",
        "Dengan kode tiga huruf apa bank menandai mata uang{of_ours}?",
    ),
    "currency-number": (
        "Apa nomor ISO 4217 tiga angka untuk mata uang yang berlaku{in}?",
        "Apa kode ISO numerik untuk mata uang nasional{in}?",
        "Dengan nomor tiga angka apa bank menandai mata uang{of_ours}?",
    ),
    "price": (
        "Manakah yang tampak seperti harga di toko{in}?",
        "Manakah jumlah uang yang ditulis seperti kebiasaan menulis harga{in}?",
        "Bagaimana harga biasanya ditulis{in_ours}?",
    ),
    "calling-code": (
        "Berapa kode telepon internasional{of_ours}?",
        "Kode negara berapa yang ditekan dari luar negeri untuk menelepon seseorang{here}?",
        "Dengan angka berapa nomor telepon dimulai jika ditulis dengan kode negara{of_ours}?",
    ),
    "emergency": (
        "Manakah yang merupakan nomor telepon darurat{in}?",
        "Nomor mana yang dapat dihubungi dalam keadaan darurat{in}?",
        "Anda butuh pertolongan segera{in_ours}. Nomor mana yang Anda hubungi?",
    ),
    "trunk-prefix": (
        "Apa awalan untuk panggilan jarak jauh dalam negeri{in}?",
        "Angka berapa yang ditekan sebelum kode area untuk sambungan antarkota{in}?",
        "Angka apa yang mendahului kode area saat menelepon ke kota lain{in_ours}?",
    ),
    "mobile-number": (
        "Manakah yang tampak seperti nomor ponsel{in}?",
        "Manakah yang ditulis seperti nomor telepon seluler{in}?",
        "Seperti apa bentuk nomor ponsel{in_ours}?",
    ),
    "landline-number": (
        "Manakah yang tampak seperti nomor telepon rumah{in}?",
        "Manakah yang ditulis seperti nomor telepon tetap{in}?",
        "Seperti apa bentuk nomor telepon kabel{in_ours}?",
    ),
    "toll-free-number": (
        "Manakah yang tampak seperti nomor telepon bebas pulsa{in}?",
        "Nomor mana yang mungkin dapat dihubungi secara gratis{in}?",
        "Seperti apa bentuk nomor telepon bebas biaya{in_ours}?",
    ),
    "holiday-date": (
        "Manakah tanggal yang setiap tahun menjadi hari libur nasional{in}?",
        "Pada tanggal mana bank dan kantor tutup karena hari libur{in}?",
        "Manakah tanggal merah setiap tahun{in_ours}?",
    ),
    "holiday-name": (
        "Manakah yang merupakan hari libur nasional{in}?",
        "Pada kesempatan mana semua orang mendapat hari libur{in}?",
        "Manakah hari libur resmi di seluruh negeri{in_ours}?",
    ),
    "national-day": (
        "Tanggal berapa hari kemerdekaan{of_ours}?",
        "Pada tanggal berapa hari kemerdekaan diperingati{in}?",
        "Kapan hari kemerdekaan dirayakan{in}?",
    ),
    "weekend": (
        "Hari apa saja yang termasuk akhir pekan{in}?",
        "Kapan akhir pekan{in}?",
        "Hari apa yang menjadi hari libur mingguan{in_ours}?",
    ),
    "first-weekday": (
        "Minggu dimulai dengan hari apa pada kalender{in}?",
        "Hari apa yang menjadi hari pertama dalam sepekan pada kalender{in}?",
        "Dengan hari apa sebuah pekan dimulai di kalender{in_ours}?",
    ),
    "decimal-mark": (
        "Bagaimana pecahan {number} biasanya ditulis sebagai bilangan desimal{in}?",
        "Seperti apa {number} jika ditulis sebagai bilangan desimal{in}?",
        "Bagaimana orang menulis {number} dalam bentuk desimal{in_ours}?",
    ),
    "thousands-separator": (
        "Bagaimana bilangan {number} biasanya ditulis dengan pemisah ribuan{in}?",
        "Seperti apa {number} jika angkanya dikelompokkan{in}?",
        "Bagaimana orang memisahkan ribuan dalam bilangan {number}{in_ours}?",
    ),
    "date-format": (
        "Bagaimana tanggal {date} biasanya ditulis dengan angka{in}?",
        "Seperti apa tanggal {date} jika ditulis dengan angka saja{in}?",
        "Bagaimana orang menulis tanggal {date} dengan angka{in_ours}?",
    ),
    "date-reading": (
        "Tanggal berapa yang biasanya dimaksud dengan {date}{in}?",
        "Sebuah formulir{in} bertanggal {date}. Hari apa yang dimaksud?",
        "Bagaimana orang membaca tanggal {date}{in_ours}?",
    ),
    "clock": (
        "Bagaimana {time} biasanya ditulis dengan angka{in}?",
        "Seperti apa {time} tertulis dalam jadwal kereta{in}?",
        "Bagaimana orang menulis {time} dengan angka{in_ours}?",
    ),
    "clocks-forward": (
        "Kapan jam dimajukan satu jam untuk waktu musim panas{in}?",
        "Hari apa waktu musim panas dimulai{in}?",
        "Kapan orang memajukan jam satu jam{in_ours}?",
    ),
    "clocks-back": (
        "Kapan jam dimundurkan satu jam setelah waktu musim panas{in}?",
        "Hari apa waktu musim panas berakhir{in}?",
        "Kapan orang memundurkan jam satu jam{in_ours}?",
    ),
    "neighbour": (
        "Negara mana yang berbatasan darat dengan {ours}?",
        "Negara mana yang memiliki perbatasan darat dengan {ours}?",
        "Manakah negara tetangga{of_ours} yang berbatasan di darat?",
    ),
    "city": (
        "Kota mana yang terletak{in_ours}?",
        "Kota mana yang dapat dikunjungi tanpa keluar dari {ours}?",
        "Manakah kota besar{in_ours}?",
    ),
    "largest-city": (
        "Apa kota terbesar{in_ours}?",
        "Kota mana yang penduduknya paling banyak{in_ours}?",
        "Kota mana yang paling padat jumlah penduduknya{in_ours}?",
    ),
    "continent": (
        "Di benua mana {ours} terletak?",
        "{ours} termasuk benua apa?",
        "Di bagian dunia mana {ours} berada?",
    ),
    "area": (
        "Kira-kira berapa luas {ours}?",
        "Berapa kurang lebih luas wilayah{of_ours}?",
        "Berapa kilometer persegi kira-kira luas daratan{of_ours}?",
    ),
    "population": (
        "Kira-kira berapa orang yang tinggal{in_ours}?",
        "Berapa kurang lebih jumlah penduduk{of_ours}?",
        "Kira-kira berapa penduduk{of_ours}?",
    ),
    "domain": (
        "Apa domain internet nasional{of_ours}?",
        "Domain negara apa yang dipakai situs web{in_ours}?",
        "Dengan apa alamat internet berakhir jika memakai domain{of_ours} sendiri?",
    ),
    "country-code-2": (
        "Apa kode ISO dua huruf{of_ours}?",
        "Dua huruf apa yang mewakili {ours} dalam ISO 3166?",
        "Dengan kode negara dua huruf apa {ours} dikenal?",
    ),
    "country-code-3": (
        "Apa kode ISO tiga huruf{of_ours}?",
        "Tiga huruf apa yang mewakili {ours} dalam ISO 3166?",
        "Dengan kode negara tiga huruf apa {ours} dikenal?",
    ),
    "country-number": (
        "Apa kode ISO numerik{of_ours}?",
        "Tiga angka apa yang mewakili {ours} dalam ISO 3166?",
        "Dengan nomor tiga angka apa {ours} dikenal dalam ISO 3166?",
    ),
    "regional-language": (
        "Manakah bahasa daerah{in_ours}?",
        "Bahasa mana yang secara turun-temurun dituturkan suatu masyarakat{in_ours}?",
        "Bahasa mana yang berasal dari salah satu daerah{in_ours}?",
    ),
    "postcode": (
        "Manakah yang tampak seperti kode pos{in}?",
        "Manakah yang mungkin merupakan kode pos sebuah alamat{in}?",
        "Seperti apa bentuk kode pos{in_ours}?",
    ),
    "paper-size": (
        "Ukuran kertas apa yang biasa dipakai untuk mencetak dokumen{in}?",
        "Berapa ukuran kertas yang lazim untuk surat resmi{in}?",
        "Kertas berukuran apa yang biasa dipakai di kantor{in_ours}?",
    ),
    "temperature": (
        "Manakah suhu yang mungkin tertulis dalam prakiraan cuaca{in}?",
        "Manakah suhu yang ditulis seperti dalam laporan cuaca{in}?",
        "Bagaimana suhu udara biasanya ditulis{in_ours}?",
    ),
    "temperature-unit": (
        "Satuan suhu apa yang dipakai dalam prakiraan cuaca{in}?",
        "Dalam satuan apa suhu udara biasanya disebutkan{in}?",
        "Satuan suhu apa yang dipakai sehari-hari{in_ours}?",
    ),
    "road-distance-unit": (
        "Dalam satuan apa jarak ditulis pada rambu jalan{in}?",
        "Satuan apa yang dipakai untuk jarak antarkota{in}?",
        "Dalam satuan apa jarak perjalanan dengan mobil dihitung{in_ours}?",
    ),
    "speed-unit": (
        "Dalam satuan apa batas kecepatan ditetapkan{in}?",
        "Satuan apa yang ditunjukkan spidometer mobil{in}?",
        "Dalam satuan apa kecepatan mobil disebutkan{in_ours}?",
    ),
    "wind-speed-unit": (
        "Dalam satuan apa prakiraan cuaca menyebutkan kecepatan angin{in}?",
        "Satuan apa yang lazim untuk kecepatan angin{in}?",
        "Dalam satuan apa laporan cuaca menyatakan seberapa kencang angin bertiup{in_ours}?",
    ),
    "height-unit": (
        "Dalam satuan apa tinggi badan biasanya disebutkan{in}?",
        "Satuan apa yang dipakai untuk tinggi badan seseorang{in}?",
        "Dalam satuan apa orang mengukur tinggi badannya{in_ours}?",
    ),
    "body-weight-unit": (
        "Dalam satuan apa berat badan biasanya disebutkan{in}?",
        "Satuan apa yang ditunjukkan timbangan badan{in}?",
        "Dalam satuan apa orang menyebutkan berat badannya{in_ours}?",
    ),
    "floor-area-unit": (
        "Dalam satuan apa luas rumah disebutkan{in}?",
        "Satuan apa yang dipakai iklan rumah untuk luas bangunan{in}?",
        "Dalam satuan apa luas lantai sebuah rumah diukur{in_ours}?",
    ),
}

CLOCK_CHANGES = {
    "last-6-3": "hari Minggu terakhir bulan Maret",
    "2-6-3": "hari Minggu kedua bulan Maret",
    "last-4-4": "hari Jumat terakhir bulan April",
    "1-6-10": "hari Minggu pertama bulan Oktober",
    "last-6-9": "hari Minggu terakhir bulan September",
    "last-6-10": "hari Minggu terakhir bulan Oktober",
    "1-6-11": "hari Minggu pertama bulan November",
    "last-3-10": "hari Kamis terakhir bulan Oktober",
    "1-6-4": "hari Minggu pertama bulan April",
    "never": "tidak pernah, waktunya tetap",
}

TIMES = {
    "15:30": "pukul setengah empat sore",
    "20:15": "pukul delapan lewat seperempat malam",
    "18:45": "pukul tujuh kurang seperempat malam",
}
