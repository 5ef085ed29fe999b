//! The endpoints of a file, or what is wrong with it and in which line.

use std::fs;
use std::path::Path;

use forbear::{Config, ConfigError, Endpoints};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Result;

/// Returns the endpoints, and what is unwise about them.
pub(crate) fn read(path: &Path) -> Result<(Endpoints, Vec<String>)> {
    let name = path.display();
    let text = fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
    let config: Config = if path.extension().is_some_and(|extension| extension == "json") {
        serde_json::from_str(&text).map_err(|error| format!("{name}: {error}"))?
    } else {
        toml::from_str(&text).map_err(|error| format!("{name}: {}", error.to_string().trim_end()))?
    };
    let in_order = |told: Vec<&str>| {
        let mut lines: Vec<_> = told.into_iter().map(|told| (line(&text, told), told)).collect();
        lines.sort_unstable();
        let place = |line: Option<usize>| line.map(|line| format!(":{line}")).unwrap_or_default();
        lines.into_iter().map(|(line, told)| format!("{name}{}: {told}", place(line))).collect::<Vec<_>>()
    };
    let warnings = in_order(config.warnings().iter().map(String::as_str).collect());
    let problems = |error: ConfigError| in_order(error.problems().collect()).join("\n");
    Ok((config.into_builder().map_err(problems)?.build()?, warnings))
}

/// Returns the line of the place that a problem begins with, such as `endpoint[0] "charges".rules.timeout.price`, or of
/// what is around it. Of TOML only: no parser of JSON tells where a value stands.
fn line(text: &str, problem: &str) -> Option<usize> {
    let table = DeTable::parse(text).ok()?;
    let root = Spanned::new(table.span(), DeValue::Table(table.into_inner()));
    let (mut value, mut rest) = (&root, problem);
    while let Some((next, after)) = step(value.get_ref(), rest) {
        (value, rest) = (next, after);
    }
    let before = text.get(..value.span().start).filter(|_| rest != problem)?;
    Some(before.matches('\n').count() + 1)
}

/// Goes from a value to the one that is named next.
fn step<'a, 't>(value: &'a DeValue<'t>, place: &'a str) -> Option<(&'a Spanned<DeValue<'t>>, &'a str)> {
    if let Some(index) = place.strip_prefix('[') {
        let (index, rest) = index.split_once(']')?;
        // The name of an endpoint stands behind its number.
        let rest = rest.strip_prefix(" \"").and_then(|name| Some(name.split_once('"')?.1)).unwrap_or(rest);
        return Some((value.get(index.parse::<usize>().ok()?)?, rest));
    }
    let key = place.strip_prefix('.').unwrap_or(place);
    let (key, rest) = match key.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"')?,
        None => key.split_at(key.find(|next: char| !next.is_ascii_alphanumeric() && !"_-".contains(next))?),
    };
    Some((value.get(key)?, rest))
}
