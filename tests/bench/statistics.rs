//! Order statistics. Means would tell more of the machine's other work than of Envoy.

use serde::Serialize;

/// The middle half of a sample, and how well the median is known.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Quartiles {
    pub lower: f64,
    pub median: f64,
    pub upper: f64,
    /// The interval that holds the true median with 95 % probability, from the ranks of a binomial distribution.
    pub confidence: [f64; 2],
}

impl Quartiles {
    /// Of a sample that is not empty.
    pub fn of(sample: impl IntoIterator<Item = f64>) -> Self {
        let mut sample: Vec<f64> = sample.into_iter().collect();
        sample.sort_by(f64::total_cmp);
        let count = sample.len() as f64;
        let margin = 0.98 / count.sqrt();
        Self {
            lower: quantile(&sample, 0.25),
            median: quantile(&sample, 0.5),
            upper: quantile(&sample, 0.75),
            confidence: [
                quantile(&sample, 0.5 - margin),
                quantile(&sample, 0.5 + margin),
            ],
        }
    }
}

/// The value below which a share of a sorted sample lies.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len() - 1;
    let at = (share * last as f64).round().clamp(0.0, last as f64);
    sorted[at as usize]
}
