//! The columns of the trial: each mapping type with its options over the types of Postgres that it feeds.

use crate::calendar::ZONES;
use crate::cell::Cell;
use crate::draw::{Draw, Locale};
use crate::{moments, numbers, texts};

/// A column, and how its cells are drawn.
pub struct Column {
    /// Its name in the sheet and in the table.
    pub name: &'static str,
    /// Its type and options in `sheetsync.toml`.
    pub options: &'static str,
    /// Its type in the table; `stage` is an enum that the trial makes.
    pub table_type: &'static str,
    pub draw: fn(&mut Draw) -> Cell,
    /// Whether its spellings are those of every locale, or only of those that write `1,234.5`.
    pub everywhere: bool,
}

/// Types of whose values only Postgres knows what they are: it refuses a row for one of them, and does not look at the next.
const KNOWN_TO_POSTGRES: [&str; 2] = ["inet", "macaddr"];

impl Column {
    /// Whether a bad cell is seen beside others in its row.
    pub fn is_checked_before(&self) -> bool {
        !KNOWN_TO_POSTGRES.contains(&self.table_type)
    }

    /// Whether it is in a spreadsheet of this locale.
    pub fn is_in(&self, locale: Locale) -> bool {
        self.everywhere || locale.point == "."
    }

    /// The column as its text in the trial's own words: what `to_json` makes of a list, Postgres's text of all else.
    pub fn as_text(&self) -> String {
        match self.table_type {
            list if list.ends_with("[]") => format!("to_json({})::text", self.name),
            _ => format!("{}::text", self.name),
        }
    }
}

const fn column(
    name: &'static str,
    table_type: &'static str,
    options: &'static str,
    draw: fn(&mut Draw) -> Cell,
) -> Column {
    Column { name, options, table_type, draw, everywhere: true }
}

const fn with_points(
    name: &'static str,
    table_type: &'static str,
    options: &'static str,
    draw: fn(&mut Draw) -> Cell,
) -> Column {
    Column { name, options, table_type, draw, everywhere: false }
}

pub const COLUMNS: [Column; 66] = [
    column("a_text", "text", "type = 'text'", texts::text),
    column("as_seen", "text", "type = 'text'", texts::as_people_see_it),
    column("displayed", "text", "type = 'text'\nnumber = 'displayed'", texts::displayed),
    column("digits", "text", "type = 'text'\nnumber = 'digits'", texts::digits),
    column("no_numbers", "text", "type = 'text'\nnumber = 'reject'", texts::no_numbers),
    column("padded", "text", "type = 'text'\nzero_pad = 7", texts::padded),
    column("narrow_text", "text", "type = 'text'\nnormalize = 'nfkc'", texts::narrow),
    column("postal", "text", "type = 'text'\npattern = '\\d{3}-\\d{4}'\nmax_length = 8", texts::postal),
    column("short", "varchar(5)", "type = 'text'", texts::short),
    column("id", "uuid", "type = 'text'", texts::uuid),
    column("label", "stage", "type = 'text'", texts::label),
    column("word", "text", WORDS, texts::word),
    column("a_boolean", "boolean", "type = 'boolean'", texts::boolean),
    column("boolean_ja", "boolean", "type = 'boolean'\njapanese = true", texts::boolean_in_japanese),
    column("boolean_words", "boolean", BOOLEAN_WORDS, texts::boolean_of_words),
    column("list", "text[]", "type = 'text_array'", texts::list),
    column("list_marks", "text[]", "type = 'text_array'\nseparator = '、'\nmax_length = 5", texts::list_with_marks),
    column("a_json", "json", "type = 'json'", texts::json),
    column("a_jsonb", "jsonb", "type = 'json'", texts::json),
    column("an_integer", "bigint", "type = 'integer'", numbers::integer),
    column("an_integer_n", "numeric", "type = 'integer'", numbers::integer),
    column("small", "smallint", "type = 'integer'", numbers::small),
    column("bounded", "integer", "type = 'integer'\nmin = 0\nmax = 100", numbers::bounded),
    column("with_default", "bigint", DEFAULT, numbers::with_default),
    column("multiplied", "bigint", MULTIPLIED, numbers::multiplied),
    column("walk", "integer", "type = 'integer'\nprefixes = ['徒歩']\nsuffixes = ['分', '階']", numbers::walk),
    column("a_decimal", "numeric", "type = 'decimal'", numbers::decimal),
    column("narrow", "numeric(8, 2)", "type = 'decimal'", numbers::narrow),
    column("rounded", "numeric", "type = 'decimal'\nscale = 2", numbers::rounded),
    column("percent", "numeric", "type = 'decimal'\npercent = true", numbers::percent),
    column("area", "numeric", "type = 'decimal'\ntsubo = true\nsuffixes = ['㎡']", numbers::tsubo),
    column("exact", "numeric", "type = 'decimal'\nfloats = 'exact'", numbers::exact),
    column("a_double", "double precision", "type = 'decimal'", numbers::double),
    with_points("money", "bigint", MONEY, numbers::money),
    with_points("like_amount", "bigint", AMOUNT, numbers::like_amount),
    column("a_date", "date", "type = 'date'", moments::date),
    column("date_of_era", "date", ERA, moments::date_of_era),
    column("date_mdy", "date", "type = 'date'\norder = 'mdy'\ntime_of_day = 'drop'", moments::month_first),
    column("date_dmy", "date", "type = 'date'\norder = 'dmy'\ntime_of_day = 'drop'", moments::day_first),
    column("date_as_local", "timestamp", "type = 'date'", moments::date_as_local),
    column("date_bounded", "date", "type = 'date'\nmin = '1900-01-01'\nmax = '2099-12-31'", moments::bounded_date),
    column("like_date", "date", "type = 'date'\nera = true\npartial = 'month'", moments::like_date),
    column("a_time", "time", "type = 'time'", moments::time),
    column("like_time", "time", "type = 'time'", moments::like_time),
    column("moment", "timestamptz", "type = 'timestamp'", moments::timestamp),
    column("moment_earlier", "timestamptz", EARLIER, moments::earlier),
    column("moment_later", "timestamptz", LATER, moments::later),
    column("local_moment", "timestamp", "type = 'timestamp'\ntime_zone = 'none'", moments::local_timestamp),
    column("like_moment", "timestamptz", "type = 'timestamp'\nera = true\ntime_zone = 'UTC'", moments::like_moment),
    column("a_duration", "interval", "type = 'duration'", moments::duration),
    column("duration_days", "interval", "type = 'duration'\nmax = '400:00'", moments::duration_of_days),
    with_points("like_length", "interval", "type = 'duration'", moments::like_length),
    column("integer_text", "text", "type = 'integer'", numbers::integer),
    column("decimal_text", "text", "type = 'decimal'", numbers::decimal),
    column("date_text", "text", "type = 'date'", moments::date),
    column("time_text", "text", "type = 'time'", moments::time),
    column("exactly", "char(4)", "type = 'text'", texts::fixed),
    column("address", "inet", "type = 'text'", texts::network_address),
    column("device", "macaddr", "type = 'text'", texts::device),
    column("ids", "uuid[]", "type = 'text_array'", texts::uuids),
    column("labels", "stage[]", "type = 'text_array'", texts::labels),
    column("floor", "smallint", FLOORS, texts::floor),
    column("no_blank", "text", "type = 'text'\nrequired = true", texts::required),
    column("blank_numbers", "bigint", "type = 'integer'\nblank_words = ['0', '999', '-1']", numbers::blank_numbers),
    column("no_error", "text", "type = 'text'\nerrors = 'null'\nblank_words = ['FALSE', '※']", texts::no_error),
    column("integer_double", "double precision", "type = 'integer'", numbers::small_double),
];

const WORDS: &str = "type = 'enum'\nvalues = { '売買' = 'sale', '賃貸' = 'rent', 'Rent' = 'rent' }";
const FLOORS: &str = "type = 'enum'\nvalues = { 'B1' = '-1', '1F' = '1', '屋上' = '99' }";
const BOOLEAN_WORDS: &str = "type = 'boolean'\ntrue_values = ['YES', '1', '空室']\nfalse_values = ['NO', '0', '満室']";
const DEFAULT: &str = "type = 'integer'\nblank = 'default'\ndefault = 0\nblank_words = ['-', '未定']\nerrors = 'null'";
const MULTIPLIED: &str = "type = 'integer'\nmultiply_by = 10000\nsuffixes = ['万円', '万']";
const MONEY: &str = "type = 'integer'\nyen = true\nnumber_words = true\napproximate = true\naccounting = true";
const AMOUNT: &str = "type = 'integer'\nyen = true\naccounting = true\napproximate = true";
const ERA: &str =
    "type = 'date'\nera = true\npartial = 'month'\ncompact = true\nprefixes = ['築', '築年月']\nsuffixes = ['頃']";
const EARLIER: &str = "type = 'timestamp'\ntime_zone = 'America/New_York'\nclock_change = 'earlier'";
const LATER: &str = "type = 'timestamp'\ntime_zone = 'Europe/Berlin'\nclock_change = 'later'";

#[test]
fn the_zones_of_the_definitions_are_those_of_the_cells() {
    for (options, zone) in [(EARLIER, moments::EARLIER_IN), (LATER, moments::LATER_IN)] {
        assert!(options.contains(&format!("'{}'", ZONES[zone].name)), "{options}");
    }
}
