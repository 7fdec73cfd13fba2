// Numbers, durations and times as people of a language read them; by Intl, without a clock of its own.

export interface Format {
  /** 12,345 */
  count: (value: number) => string;
  /** 12.3, 0.45: at most three digits that mean something. */
  quantity: (value: number) => string;
  /** 97.5 %; never rounds up to 100 % nor down to 0 %. */
  percent: (ratio: number | null) => string;
  /** 850 ms, 3.2 s, 2 min 10 s, 1 h 5 min, 3 d 4 h */
  duration: (seconds: number | null) => string;
  /** 14 s ago, 3 d ago; "just now" is the caller's. */
  ago: (seconds: number) => string;
  /** Wed 25 Nov, 13:05; with the year when it is not this one. */
  dateTime: (moment: string | number | null) => string;
  /** The same, to the second. */
  exactTime: (moment: string | number | null) => string;
  /** 13:05, with the date when it is on another day than `now`. */
  time: (moment: string | null, now: number) => string;
  /** The time zone of all times: Japan Standard Time. */
  zone: () => string;
  /** For the axis of a chart that spans so many seconds. */
  axis: (seconds: number, span: number) => string;
}

// Not Intl's units: what those are called changes from one version of a browser to the next.
const UNITS = {
  en: { second: " s", minute: " min", hour: " h", day: " d", between: " ", ago: " ago" },
  ja: { second: "秒", minute: "分", hour: "時間", day: "日", between: "", ago: "前" },
};

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export function format(language: "ja" | "en"): Format {
  const dash = "–";
  // British English: 24 hours and the day first, which is less ambiguous at night than 12:05 AM.
  const locale = language === "ja" ? "ja-JP" : "en-GB";
  const count = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  const quantity = new Intl.NumberFormat(locale, { maximumSignificantDigits: 3 });
  const percent = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 });
  const twoDigits = new Intl.NumberFormat(locale, { maximumSignificantDigits: 2 });
  const tenths = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
  const unit = UNITS[language];
  const month = language === "ja" ? "numeric" : "short";
  const minutes = {
    month,
    day: "numeric",
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
  } as const;
  const year = { year: "numeric" } as const;
  const second = { second: "2-digit" } as const;
  const formats = {
    minutes: new Intl.DateTimeFormat(locale, minutes),
    minutesOfYear: new Intl.DateTimeFormat(locale, { ...minutes, ...year }),
    seconds: new Intl.DateTimeFormat(locale, { ...minutes, ...second }),
    secondsOfYear: new Intl.DateTimeFormat(locale, { ...minutes, ...second, ...year }),
  };
  const moment = (at: string | number | null, precision: "minutes" | "seconds"): string => {
    if (at === null) return dash;
    const date = new Date(at);
    const isThisYear = date.getFullYear() === new Date().getFullYear();
    const name = isThisYear ? precision : (`${precision}OfYear` as const);
    return formats[name].format(date);
  };
  const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
  const day = new Intl.DateTimeFormat(locale, { month, day: "numeric" });
  const pair = (a: number, large: string, b: number, small: string) =>
    b === 0 ? `${a}${large}` : `${a}${large}${unit.between}${b}${small}`;
  return {
    count: (value) => count.format(value),
    quantity: (value) => (Math.abs(value) >= 1000 ? count.format(value) : quantity.format(value)),
    percent(ratio) {
      if (ratio === null) return dash;
      if (ratio < 1 && ratio > 0.999) return `>${percent.format(0.999)}`;
      if (ratio > 0 && ratio < 0.001) return `<${percent.format(0.001)}`;
      return percent.format(ratio);
    },
    duration(seconds) {
      if (seconds === null) return dash;
      if (seconds > 0 && seconds < 0.9995) {
        // Milliseconds are a word of engineers.
        return language === "ja"
          ? `${twoDigits.format(Math.max(0.001, seconds))}${unit.second}`
          : `${Math.max(1, Math.round(seconds * 1000))} ms`;
      }
      if (seconds < 9.95) return `${tenths.format(seconds)}${unit.second}`;
      const whole = Math.round(seconds);
      if (whole < MINUTE) return `${whole}${unit.second}`;
      if (whole < HOUR) return pair(Math.floor(whole / MINUTE), unit.minute, whole % MINUTE, unit.second);
      if (whole < DAY) {
        return pair(Math.floor(whole / HOUR), unit.hour, Math.floor((whole % HOUR) / MINUTE), unit.minute);
      }
      return pair(Math.floor(whole / DAY), unit.day, Math.floor((whole % DAY) / HOUR), unit.hour);
    },
    ago(seconds) {
      const past = Math.max(0, Math.floor(seconds));
      const [size, name] =
        past < MINUTE
          ? [1, unit.second]
          : past < HOUR
            ? [MINUTE, unit.minute]
            : past < 2 * DAY
              ? [HOUR, unit.hour]
              : [DAY, unit.day];
      return `${count.format(Math.floor(past / size))}${name}${unit.ago}`;
    },
    dateTime: (at) => moment(at, "minutes"),
    exactTime: (at) => moment(at, "seconds"),
    time(at, now) {
      if (at === null) return dash;
      const date = new Date(at);
      const isToday = date.toDateString() === new Date(now).toDateString();
      return isToday ? clock.format(date) : moment(at, "minutes");
    },
    zone() {
      const named = new Intl.DateTimeFormat(locale, { timeZoneName: "long" }).formatToParts(new Date());
      return named.find((part) => part.type === "timeZoneName")?.value ?? "UTC";
    },
    axis(seconds, span) {
      const at = new Date(seconds * 1000);
      if (span <= DAY) return clock.format(at);
      return day.format(at);
    },
  };
}
