//! The places of values in a statement of many rows.

/// How they are marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Places {
    /// `?`. SQLite looks each name up in a list, `$1` too: thousands in one statement would take it seconds.
    Nameless,
    /// `$1`, which is all that PostgreSQL knows.
    Numbered,
}

impl Places {
    /// `(?, ?), (?, ?)` or `($1, $2), ($3, $4)`.
    pub(super) fn of(self, rows: usize, columns: usize) -> String {
        let place = |number: usize| match self {
            Self::Nameless => "?".to_owned(),
            Self::Numbered => format!("${number}"),
        };
        let row = |row: usize| {
            let places: Vec<String> = (1..=columns)
                .map(|column| place(row * columns + column))
                .collect();
            format!("({})", places.join(", "))
        };
        (0..rows).map(row).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_marked_row_by_row() {
        assert_eq!(Places::Nameless.of(2, 2), "(?, ?), (?, ?)");
        assert_eq!(Places::Numbered.of(2, 2), "($1, $2), ($3, $4)");
    }
}
