//! What random strings are made of that look like dates, times, amounts and durations. Also used by the trial through the whole
//! stack (`tests/tests/trial`).

/// Of dates.
pub const DATE: [&str; 40] = [
    "1",
    "3",
    "9",
    "12",
    "01",
    "29",
    "31",
    "2024",
    "1989",
    "64",
    "6",
    "年",
    "月",
    "日",
    "/",
    "/",
    "-",
    "-",
    ".",
    ".",
    "−",
    "–",
    " ",
    "令和",
    "平成",
    "昭和",
    "S",
    "R",
    "元",
    "(金)",
    "金曜日",
    "(土・祝)",
    "①",
    "²",
    "㋂",
    "T",
    "0:00",
    "築",
    "~",
    "，",
];

/// Of times of day.
pub const TIME: [&str; 32] = [
    "1", "3", "9", "12", "00", "30", "59", "60", "23", ":", ":", ":", "時", "分", "秒", "半", "午前", "午後", "AM",
    "PM", "p.m.", " ", ".", ".5", "-", "−", "~", "+09:00", "Z", "³", "T", "間",
];

/// What may follow a moment.
pub const TAILS: [&str; 20] = [
    "-12:00", "-12", "-1130", "+09:00", "+0900", "+09", "Z", " Z", "-05:00", "−08:00", "–12:00", "~12:00", " 12:00",
    "+15:00", "-13:00", "T", ",", "①", " ", "JST",
];

/// Of amounts.
pub const AMOUNT: [&str; 32] = [
    "1", "5", "0", "12", "123", "500", "000", ",", ",", ".", "-", "−", "+", "¥", "¥", "円", "円", "▲", "△", "(", ")",
    "約", "程度", " ", "①", "²", "½", "⑴", "%", "~", "ー", "００",
];

/// What may stand before an amount; nothing, most of all.
pub const BEFORE: [&str; 12] = ["", "", "", "¥", "¥", "-", "−", "+", "▲", "(", "約", " "];

/// What may stand after an amount; nothing, most of all.
pub const AFTER: [&str; 10] = ["", "", "", "円", "円", ")", ")", "程度", "-", " "];

/// Of durations.
pub const LENGTH: [&str; 30] = [
    "1", "2", "30", "90", "59", "60", "05", "1.5", ".5", "1,000", ":", ":", "時間", "時間", "分", "分間", "秒", "半",
    "h", "m", "min", "s", " hours", " minutes", " ", "-", "−", "日", "時", "²",
];
