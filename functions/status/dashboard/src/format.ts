// Numbers, durations and times as people of a language read them; by Intl, without a clock of its own.

export interface Format {
  /** 12,345 */
  count: (value: number) => string;
  /** 12.3, 0.45: at most three digits that mean something. */
  quantity: (value: number) => string;
  /** 97.5 %; never rounds up to 100 % nor down to 0 %. */
  percent: (ratio: number | null) => string;
  /** 850ms, 3.2s, 2m 10s, 1h 5m, 3d 4h */
  duration: (seconds: number | null) => string;
  /** 14s ago, 3d ago; "just now" is the caller's. */
  ago: (seconds: number) => string;
  /** 25 Nov, 13:05:09 */
  dateTime: (moment: string | number | null) => string;
  /** 13:05, with the date when it is on another day than `now`. */
  time: (moment: string | null, now: number) => string;
  /** For the axis of a chart that spans so many seconds. */
  axis: (seconds: number, span: number) => string;
}

// Not Intl's units: what those are called changes from one version of a browser to the next.
const UNITS = {
  en: { ms: "ms", second: "s", minute: "m", hour: "h", day: "d", between: " ", ago: " ago" },
  ja: { ms: "ミリ秒", second: "秒", minute: "分", hour: "時間", day: "日", between: "", ago: "前" },
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
  const tenths = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
  const unit = UNITS[language];
  const dateTime = new Intl.DateTimeFormat(locale, {
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
  const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
  const day = new Intl.DateTimeFormat(locale, { month: "short", day: "numeric" });
  const dayAndClock = new Intl.DateTimeFormat(locale, {
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
  });
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
      if (seconds > 0 && seconds < 0.9995) return `${Math.max(1, Math.round(seconds * 1000))}${unit.ms}`;
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
    dateTime: (moment) => (moment === null ? dash : dateTime.format(new Date(moment))),
    time(moment, now) {
      if (moment === null) return dash;
      const at = new Date(moment);
      return at.toDateString() === new Date(now).toDateString() ? clock.format(at) : dayAndClock.format(at);
    },
    axis(seconds, span) {
      const at = new Date(seconds * 1000);
      if (span <= DAY) return clock.format(at);
      return day.format(at);
    },
  };
}
