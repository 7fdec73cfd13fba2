//! The words that listings are made of. Places are real, so that addresses and postal codes look right; buildings,
//! companies and telephone numbers are not (an exchange number starting with 0 is never assigned in Japan).

/// A part of a town, with what belongs to it.
pub struct Place {
    /// Prefecture, city and district: the start of the address.
    pub address: &'static str,
    /// The first part of the postal code.
    pub postal: &'static str,
    /// The area code of its telephone numbers.
    pub area_code: &'static str,
    /// The nearest station.
    pub station: &'static str,
}

const fn place(address: &'static str, postal: &'static str, area_code: &'static str, station: &'static str) -> Place {
    Place { address, postal, area_code, station }
}

/// Where the listings are.
pub const PLACES: &[Place] = &[
    place("東京都世田谷区北沢", "155", "03", "下北沢"),
    place("東京都渋谷区恵比寿", "150", "03", "恵比寿"),
    place("東京都港区白金台", "108", "03", "白金台"),
    place("東京都江東区豊洲", "135", "03", "豊洲"),
    place("東京都武蔵野市吉祥寺本町", "180", "0422", "吉祥寺"),
    place("東京都立川市曙町", "190", "042", "立川"),
    place("神奈川県横浜市青葉区美しが丘", "225", "045", "たまプラーザ"),
    place("神奈川県川崎市中原区小杉町", "211", "044", "武蔵小杉"),
    place("神奈川県鎌倉市小町", "248", "0467", "鎌倉"),
    place("埼玉県さいたま市浦和区高砂", "330", "048", "浦和"),
    place("千葉県浦安市舞浜", "279", "047", "舞浜"),
    place("北海道札幌市中央区大通西", "060", "011", "大通"),
    place("宮城県仙台市青葉区一番町", "980", "022", "青葉通一番町"),
    place("愛知県名古屋市千種区覚王山通", "464", "052", "覚王山"),
    place("京都府京都市左京区下鴨", "606", "075", "北大路"),
    place("大阪府大阪市北区中之島", "530", "06", "渡辺橋"),
    place("大阪府豊中市上新田", "560", "06", "千里中央"),
    place("兵庫県芦屋市岩園町", "659", "0797", "芦屋川"),
    place("広島県広島市中区幟町", "730", "082", "銀山町"),
    place("福岡県福岡市中央区大濠", "810", "092", "大濠公園"),
    place("沖縄県那覇市おもろまち", "900", "098", "おもろまち"),
];

/// The first word of a building's name.
pub const BUILDING_BRANDS: &[&str] = &[
    "みどり坂",
    "グランド",
    "サンライズ",
    "パーク",
    "コート",
    "ヴィラ",
    "ブリリア風",
    "シーサイド",
    "青葉",
    "The",
    "ガーデン",
    "メゾン・ド・",
    "第二",
];

/// The last word of a building's name.
pub const BUILDING_KINDS: &[&str] =
    &["レジデンス", "マンション", "ハイツ", "タワー", "テラス", "ハウス", "プレイス", "コーポ", "ヒルズ", "Court"];

/// Layouts, the usual ones more often.
pub const LAYOUTS: &[&str] = &[
    "1R",
    "1K",
    "1DK",
    "1LDK",
    "1LDK",
    "2DK",
    "2LDK",
    "2LDK",
    "2LDK+S",
    "3LDK",
    "3LDK",
    "3LDK",
    "4LDK",
    "5LDK",
    "1LDK+2S(納戸)",
];

/// What a building is made of.
pub const STRUCTURES: &[&str] = &["RC造", "SRC造", "鉄骨造", "木造", "軽量鉄骨造"];

/// In which role the agent acts.
pub const DEALINGS: &[&str] = &["売主", "代理", "専属専任媒介", "専任媒介", "一般媒介"];

/// Who is inside.
pub const OCCUPANCIES: &[&str] = &["空室", "居住中", "賃貸中", "未完成"];

/// Invented estate agents.
pub const AGENTS: &[&str] = &[
    "みらい坂不動産株式会社",
    "㈱ひかり住宅販売",
    "(有)やまびこ地所",
    "さくら風ハウジング",
    "Kita & Sons 不動産",
    "(株)見本エステート",
    "株式会社あおぞら企画　東京支店",
];

/// Surnames of the people who answer the telephone; the last ones are written with rare characters.
pub const SURNAMES: &[&str] = &["佐藤", "鈴木", "高橋", "田中", "渡邉", "齋藤", "髙橋", "𠮷田"];

/// What a list of features is made of.
pub const FEATURES: &[&str] = &["南向き", "角部屋", "ペット可", "駅近", "眺望良好"];

/// Remarks as people type them: line breaks, commas, quotes, emoji and tabs are all real content.
pub const REMARKS: &[&str] = &[
    "南向き・角部屋。日当たり良好！",
    "リフォーム済\n（2023年 キッチン・浴室）",
    "ペット可🐶🐱　※小型犬2匹まで",
    "駅前再開発, 資産価値, 将来性あり",
    "オーナー様より「即決歓迎」とのこと",
    "\"The best view\" of Mt. Fuji, weather permitting",
    "管理人常駐\n宅配BOX有\nオートロック",
    "内見は前日までに要予約☎️",
    "家族👨‍👩‍👧‍👦向け。小学校まで徒歩5分",
    "価格交渉可 / 現状渡し; 瑕疵担保免責",
    "100%リノベーション済 <2024年春完成>",
    "備考なし",
];
