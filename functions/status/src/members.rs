//! Which members a type is read from, so that a query can ask for exactly these columns.

use serde::de::value::Error;
use serde::de::{Deserialize, Deserializer, Error as _, Visitor};

/// The members that reading a `T` looks for: a derived `Deserialize` hands their names to whatever it reads from.
#[must_use]
pub fn of<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // An error in any case: there is nothing to read.
    let _ = T::deserialize(Asked(&mut names));
    names
}

/// Reads nothing, and keeps the names of the members that it is asked for.
struct Asked<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Asked<'_> {
    type Error = Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        *self.0 = names;
        Err(Error::custom("there is nothing to read"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("not a struct"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct
        seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_members_are_those_that_are_read() {
        #[derive(serde::Deserialize)]
        #[serde(rename_all(serialize = "camelCase"))]
        #[expect(dead_code, reason = "only its shape counts")]
        struct Row {
            started_at: u64,
            #[serde(rename(deserialize = "sync_type"))]
            kind: String,
            #[serde(skip_deserializing)]
            computed: u64,
        }
        assert_eq!(super::of::<Row>(), ["started_at", "sync_type"]);
        assert!(super::of::<u64>().is_empty());
    }
}
