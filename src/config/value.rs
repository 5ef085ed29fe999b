//! A value as it is written, and what it must be.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Visitor};

use crate::endpoints::Shown;

/// A value of whatever type. What is wrong with it is said with its place, together with all else.
#[derive(Clone, PartialEq)]
pub(super) enum Value {
    Flag(bool),
    Whole(i128),
    Fraction(f64),
    Text(String),
}

impl Value {
    pub(super) fn flag(&self) -> Result<bool, String> {
        match self {
            Self::Flag(flag) => Ok(*flag),
            Self::Whole(_) | Self::Fraction(_) | Self::Text(_) => Err("be true or false".to_owned()),
        }
    }

    pub(super) fn whole(&self, least: u32) -> Result<u32, String> {
        let whole = match self {
            Self::Whole(whole) => u32::try_from(*whole).ok().filter(|whole| *whole >= least),
            Self::Flag(_) | Self::Fraction(_) | Self::Text(_) => None,
        };
        whole.ok_or_else(|| format!("be a whole number from {least} to {}", u32::MAX))
    }

    pub(super) fn number(&self) -> Result<f64, String> {
        let number = match self {
            Self::Whole(whole) => whole.to_string().parse().ok(),
            Self::Fraction(fraction) => Some(*fraction),
            Self::Flag(_) | Self::Text(_) => None,
        };
        number.ok_or_else(|| "be a number".to_owned())
    }

    pub(super) fn text(&self) -> Result<&str, String> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Flag(_) | Self::Whole(_) | Self::Fraction(_) => Err("be a text".to_owned()),
        }
    }

    pub(super) fn duration(&self) -> Result<Duration, String> {
        // To humantime a `0` alone needs no unit.
        let has_unit = |text: &&str| text.ends_with(|last: char| !last.is_ascii_digit());
        let parsed = self.text().ok().filter(has_unit).map(humantime::parse_duration);
        match parsed {
            Some(Ok(duration)) => Ok(duration),
            Some(Err(humantime::DurationError::NumberOverflow)) => {
                Err(format!("be whole nanoseconds and at most \"{}s\"", u64::MAX))
            }
            Some(Err(_)) | None => Err("be a duration with its unit, such as \"2s\" or \"500ms\"".to_owned()),
        }
    }

    pub(super) fn timeout(&self) -> Result<Duration, String> {
        let is_positive = |timeout: &Duration| !timeout.is_zero();
        self.duration().and_then(|timeout| Some(timeout).filter(is_positive).ok_or("be longer than zero".to_owned()))
    }

    pub(super) fn word<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, String> {
        let meant = words.iter().find(|(word, _)| self.text() == Ok(word)).map(|(_, meaning)| *meaning);
        meant.ok_or_else(|| {
            let words: Vec<String> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
            format!("be one of {}", words.join(", "))
        })
    }
}

/// As it would be written, in a line of its own length.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Whole(whole) => write!(f, "{whole}"),
            Self::Fraction(fraction) => write!(f, "{fraction:?}"),
            Self::Text(text) => fmt::Display::fmt(&Shown(text), f),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl Visitor<'_> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, true or false")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Flag(flag))
    }

    fn visit_i64<E>(self, whole: i64) -> Result<Value, E> {
        Ok(Value::Whole(whole.into()))
    }

    fn visit_u64<E>(self, whole: u64) -> Result<Value, E> {
        Ok(Value::Whole(whole.into()))
    }

    fn visit_i128<E>(self, whole: i128) -> Result<Value, E> {
        Ok(Value::Whole(whole))
    }

    fn visit_f64<E>(self, fraction: f64) -> Result<Value, E> {
        Ok(Value::Fraction(fraction))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }
}
