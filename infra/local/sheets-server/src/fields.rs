//! Partial responses: the `fields` parameter, as clients send it (`sheets(properties(title,gridProperties/rowCount))`,
//! `sheets.properties`, `*`), and its application to an answer.

use std::collections::BTreeMap;

use serde_json::Value;

/// Which members of an answer are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mask {
    All,
    Only(BTreeMap<String, Mask>),
}

/// Why a mask cannot be used: the text that is wrong in it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadMask(pub String);

impl Mask {
    pub(crate) fn parse(text: &str) -> Result<Self, BadMask> {
        let mut rest = text;
        let mask = list(&mut rest)?;
        if rest.is_empty() { Ok(mask) } else { Err(BadMask(rest.to_owned())) }
    }

    /// The part of the mask below the given member; `None` if the member is not wanted.
    pub(crate) fn member(&self, name: &str) -> Option<&Mask> {
        match self {
            Mask::All => Some(&Mask::All),
            Mask::Only(members) => members.get(name).or_else(|| members.get("*")),
        }
    }

    /// The first path of this mask that `known` does not have.
    pub(crate) fn unknown_in(&self, known: &Mask) -> Option<String> {
        let (Mask::Only(wanted), Mask::Only(known)) = (self, known) else { return None };
        wanted.iter().filter(|(name, _)| *name != "*").find_map(|(name, below)| match known.get(name) {
            None => Some(name.clone()),
            Some(known) => below.unknown_in(known).map(|path| format!("{name}.{path}")),
        })
    }

    /// Takes out of `value` what is not wanted.
    pub(crate) fn apply(&self, value: &mut Value) {
        match (self, value) {
            (Mask::All, _) => {}
            (Mask::Only(_), Value::Array(items)) => items.iter_mut().for_each(|item| self.apply(item)),
            (Mask::Only(_), Value::Object(members)) => {
                members.retain(|name, _| self.member(name).is_some());
                for (name, below) in members {
                    if let Some(mask) = self.member(name) {
                        mask.apply(below);
                    }
                }
            }
            (Mask::Only(_), _) => {}
        }
    }

    fn merge(self, other: Mask) -> Mask {
        match (self, other) {
            (Mask::Only(mut members), Mask::Only(others)) => {
                for (name, mask) in others {
                    let merged = match members.remove(&name) {
                        Some(before) => before.merge(mask),
                        None => mask,
                    };
                    members.insert(name, merged);
                }
                Mask::Only(members)
            }
            _ => Mask::All,
        }
    }
}

/// `item (',' item)*`
fn list(rest: &mut &str) -> Result<Mask, BadMask> {
    let mut mask = item(rest)?;
    while let Some(after) = rest.strip_prefix(',') {
        *rest = after;
        mask = mask.merge(item(rest)?);
    }
    Ok(mask)
}

/// `name (('.' | '/') item | '(' list ')')?`
fn item(rest: &mut &str) -> Result<Mask, BadMask> {
    *rest = rest.trim_start();
    let end = rest.find(|c: char| !(c.is_alphanumeric() || "_*".contains(c))).unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    if name.is_empty() {
        return Err(BadMask((*rest).to_owned()));
    }
    *rest = after.trim_start();
    let below = if let Some(after) = rest.strip_prefix(['.', '/']) {
        *rest = after;
        item(rest)?
    } else if let Some(after) = rest.strip_prefix('(') {
        *rest = after;
        let below = list(rest)?;
        *rest = rest.trim_start().strip_prefix(')').ok_or_else(|| BadMask(name.to_owned()))?.trim_start();
        below
    } else {
        Mask::All
    };
    Ok(Mask::Only(BTreeMap::from([(name.to_owned(), below)])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn spreadsheet() -> Value {
        json!({
            "spreadsheetId": "x",
            "properties": {"title": "T", "locale": "ja_JP", "timeZone": "Asia/Tokyo"},
            "sheets": [
                {"properties": {"sheetId": 0, "title": "a", "gridProperties": {"rowCount": 1, "columnCount": 2}}},
                {"properties": {"sheetId": 7, "title": "b"}},
            ],
        })
    }

    #[test]
    fn a_mask_keeps_what_it_names() {
        for (mask, kept) in [
            ("*", spreadsheet()),
            ("spreadsheetId", json!({"spreadsheetId": "x"})),
            ("properties.title", json!({"properties": {"title": "T"}})),
            (
                "properties(locale,timeZone),sheets.properties(sheetId,gridProperties(rowCount))",
                json!({
                    "properties": {"locale": "ja_JP", "timeZone": "Asia/Tokyo"},
                    "sheets": [
                        {"properties": {"sheetId": 0, "gridProperties": {"rowCount": 1}}},
                        {"properties": {"sheetId": 7}},
                    ],
                }),
            ),
            (
                "sheets/properties/title, sheets/properties/sheetId",
                json!({"sheets": [
                    {"properties": {"title": "a", "sheetId": 0}},
                    {"properties": {"title": "b", "sheetId": 7}},
                ]}),
            ),
            ("sheets(*/title)", json!({"sheets": [{"properties": {"title": "a"}}, {"properties": {"title": "b"}}]})),
        ] {
            let mut value = spreadsheet();
            Mask::parse(mask).unwrap().apply(&mut value);
            assert_eq!(value, kept, "{mask}");
        }
    }

    #[test]
    fn a_broken_or_unknown_mask_is_named() {
        for mask in ["", "a,", "a(b", "a)", "a..b", "a b"] {
            assert!(Mask::parse(mask).is_err(), "{mask}");
        }
        let known = Mask::parse("properties(title),sheets").unwrap();
        let unknown = |mask: &str| Mask::parse(mask).unwrap().unknown_in(&known);
        assert_eq!(unknown("properties.titel"), Some("properties.titel".to_owned()));
        assert_eq!(unknown("properties(title),sheets.anything"), None);
        assert_eq!(unknown("*"), None);
    }
}
