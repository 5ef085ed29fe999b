//! How the figures are printed.
#![expect(clippy::print_stdout, reason = "it prints tables")]

/// Prints a row of a table.
pub fn print_row<T: AsRef<str>>(name: &str, columns: impl IntoIterator<Item = T>) {
    let columns: String = columns.into_iter().map(|column| format!("{:>30}", column.as_ref())).collect();
    println!("{name:<28}{columns}");
}

/// Returns how much more one is than the other.
#[must_use]
pub fn signed(one: u64, other: u64) -> String {
    if one < other { format!("-{}", other - one) } else { format!("+{}", one - other) }
}

/// The same in per cent of the other.
#[must_use]
pub fn signed_per_cent(one: u64, other: u64) -> String {
    let per_mille = one.abs_diff(other) * 1000 / other.max(1);
    let sign = if one < other { '-' } else { '+' };
    format!("{sign}{}.{} %", per_mille / 10, per_mille % 10)
}
