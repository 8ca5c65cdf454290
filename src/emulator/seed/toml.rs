//! TOML as the JSON with the same data, in the same order.

use serde::{Serialize, Serializer};
use toml_edit::{Item, TableLike, Value};

/// The members of a table.
pub(super) struct Members<'a>(pub(super) &'a dyn TableLike);

struct Any<'a>(&'a Item);

struct Plain<'a>(&'a Value);

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, item)| (key, Any(item))))
    }
}

impl Serialize for Any<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Item::None => serializer.serialize_unit(),
            Item::Value(value) => Plain(value).serialize(serializer),
            Item::Table(table) => Members(table).serialize(serializer),
            Item::ArrayOfTables(tables) => {
                serializer.collect_seq(tables.iter().map(|table| Members(table)))
            }
        }
    }
}

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::String(text) => serializer.serialize_str(text.value()),
            Value::Integer(number) => serializer.serialize_i64(*number.value()),
            Value::Float(number) if number.value().is_finite() => {
                serializer.serialize_f64(*number.value())
            }
            Value::Float(number) => unreadable(&number.value().to_string(), serializer),
            Value::Boolean(value) => serializer.serialize_bool(*value.value()),
            Value::Datetime(time) => unreadable(&time.value().to_string(), serializer),
            Value::Array(values) => serializer.collect_seq(values.iter().map(Plain)),
            Value::InlineTable(table) => Members(table).serialize(serializer),
        }
    }
}

/// Writes a value that JSON does not have, and no seed needs: an object with a key that is refused.
fn unreadable<S: Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map([("", text)])
}
