//! How credit fades: exponentially, in integers.

/// An exponential decay, as the factors that are left after 1, 2, 4, … milliseconds, in units of 2⁻⁶⁴.
pub(super) struct Decay([u64; 21]);

impl Decay {
    #[expect(clippy::as_conversions, clippy::indexing_slicing, reason = "`From` and `get` are not const")]
    pub(super) const fn new(time_constant_ms: u64) -> Self {
        // e⁻ˣ = 1 − x + x²/2 − x³/6; for x ≤ 10⁻⁴ the next term is below 10⁻¹⁷.
        let x = u64::MAX / time_constant_ms;
        let square = fraction_of(x, x);
        let cube = fraction_of(square, x);
        let mut factors = [u64::MAX - x + square / 2 - cube / 6; 21];
        let mut power = 1;
        while power < factors.len() {
            factors[power] = fraction_of(factors[power - 1], factors[power - 1]);
            power += 1;
        }
        return Self(factors);

        const fn fraction_of(a: u64, b: u64) -> u64 {
            ((a as u128 * b as u128) >> 64) as u64
        }
    }

    /// Returns what is left of `amount` after `elapsed` milliseconds.
    pub(super) fn left_of(&self, amount: u64, elapsed: u64) -> Fixed {
        if elapsed >> self.0.len() != 0 {
            return Fixed(0); // more than 20 time constants: less than one thousandth of any credit
        }
        let mut left = u128::from(amount) << Fixed::POINT;
        for (power, factor) in self.0.iter().enumerate() {
            if (elapsed >> power) & 1 == 1 {
                left = (left * u128::from(*factor)) >> 64;
            }
        }
        Fixed(left)
    }
}

/// Thousandths with bits below the point, so that the steps of a decay do not each round.
pub(super) struct Fixed(u128);

impl Fixed {
    const POINT: u32 = 32;

    pub(super) fn floor(self) -> u64 {
        u64::try_from(self.0 >> Self::POINT).unwrap_or(u64::MAX)
    }

    pub(super) fn ceil(self) -> u64 {
        Self(self.0 + ((1 << Self::POINT) - 1)).floor()
    }
}
