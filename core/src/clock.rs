//! Clocks are passed in; nothing in this crate reads one on its own.

/// Reads a clock: milliseconds since any fixed point.
pub type Clock<'a> = dyn FnMut() -> f64 + 'a;

/// Number of steps that are measured.
const STEPS: usize = 5;
/// Milliseconds of a step from which measuring one is enough: the clock is coarse.
pub(crate) const COARSE_MS: f64 = 5.0;
/// Number of reads, or of runs between reads, after which a clock is taken to stand still: some tenths of a second in a browser.
pub(crate) const MAX_READS: usize = 1 << 22;

/// The smallest of a few steps of a clock, in milliseconds; `None` if the clock stands still.
///
/// If the clock is coarse, one step is measured, so that the wait is short.
pub fn clock_step(clock: &mut Clock<'_>) -> Option<f64> {
    let mut next = |after: f64| next_step(clock, after);
    let mut before = next(f64::NEG_INFINITY).and_then(&mut next)?;
    let mut smallest = f64::INFINITY;
    for _ in 0..STEPS {
        let now = next(before)?;
        smallest = smallest.min(now - before);
        before = now;
        if smallest >= COARSE_MS {
            break;
        }
    }
    Some(smallest)
}

/// The first reading later than `after`; `None` if the clock stands still.
pub(crate) fn next_step(clock: &mut Clock<'_>, after: f64) -> Option<f64> {
    (0..MAX_READS).map(|_| clock()).find(|&now| now > after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_step_of_a_clock_is_found() {
        for step in [0.005, 0.1, 1.0, 16.67, 100.0] {
            let mut time = 3.3;
            let mut clock = || {
                time += 0.0001;
                f64::floor(time / step) * step
            };
            let found = clock_step(&mut clock).expect("it moves");
            assert!((found - step).abs() < step / 1e3, "{step}: {found}");
            let steps = if step < COARSE_MS { 8.0 } else { 3.0 };
            assert!(time < 3.4 + steps * step, "{step}: took {time} ms");
        }
        assert_eq!(clock_step(&mut || 7.0), None);
    }
}
