//! Where in a JSON text an error is.

/// The JSON Pointer (RFC 6901) and the path for people, for example `keys[0].secret`, of the innermost
/// value that has been begun after the first `consumed` bytes. A name counts to the member it names.
/// The text must be JSON.
pub(super) fn locate(text: &[u8], consumed: usize) -> (String, String) {
    let mut open: Vec<Step> = Vec::new();
    let mut at = 0;
    while let Some(byte) = text.get(at).filter(|_| at < consumed) {
        if let Some(Step::Item(index @ None)) = open.last_mut()
            && !byte.is_ascii_whitespace()
            && *byte != b']'
        {
            *index = Some(0);
        }
        match byte {
            b'{' => open.push(Step::Member(None)),
            b'[' => open.push(Step::Item(None)),
            b'}' | b']' => {
                open.pop();
            }
            b',' => match open.last_mut() {
                Some(Step::Item(Some(index))) => *index = index.saturating_add(1),
                Some(Step::Member(name)) => *name = None,
                _ => {}
            },
            b'"' => {
                let end = string_end(text, at);
                if let Some(Step::Member(name @ None)) = open.last_mut() {
                    let inside = text.get(at.saturating_add(1)..end).unwrap_or_default();
                    *name = Some(String::from_utf8_lossy(inside).into_owned());
                }
                at = end;
            }
            _ => {}
        }
        at = at.saturating_add(1);
    }
    (pointer(&open), display(&open))
}

/// From an open object or list to what is being read in it.
enum Step {
    Member(Option<String>),
    Item(Option<usize>),
}

/// Where the closing quote is.
fn string_end(text: &[u8], start: usize) -> usize {
    let mut at = start.saturating_add(1);
    while let Some(byte) = text.get(at).filter(|&&byte| byte != b'"') {
        at = at.saturating_add(if *byte == b'\\' { 2 } else { 1 });
    }
    at
}

fn pointer(open: &[Step]) -> String {
    let mut pointer = String::new();
    for step in open {
        match step {
            Step::Member(Some(name)) => {
                pointer.push('/');
                pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
            }
            Step::Item(Some(index)) => pointer.push_str(&format!("/{index}")),
            Step::Member(None) | Step::Item(None) => {}
        }
    }
    pointer
}

fn display(open: &[Step]) -> String {
    let mut path = String::new();
    for step in open {
        match step {
            Step::Member(Some(name)) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(name);
            }
            Step::Item(Some(index)) => path.push_str(&format!("[{index}]")),
            Step::Member(None) | Step::Item(None) => {}
        }
    }
    if path.is_empty() {
        "(top level)".to_owned()
    } else {
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_value_begun_is_named() {
        let text = br#"{ "a" : [ {"b\"]":1 , "c":{} }, [] ,2], "d/~":"x" }"#;
        let after = |mark: &str| {
            let at = text
                .windows(mark.len())
                .position(|part| part == mark.as_bytes())
                .unwrap();
            locate(text, at + mark.len()).1
        };
        for (mark, path) in [
            ("{", "(top level)"),
            (r#""a""#, "a"),
            ("[", "a"),
            ("[ {", "a[0]"),
            (":1", r#"a[0].b\"]"#),
            (r#""c":{"#, "a[0].c"),
            (r#""c":{}"#, "a[0].c"),
            (r#""c":{} }"#, "a[0]"),
            ("[] ", "a[1]"),
            (",2", "a[2]"),
            (",2]", "a"),
            (r#""x""#, "d/~"),
            (r#""x" }"#, "(top level)"),
        ] {
            assert_eq!(after(mark), path, "after {mark}");
        }
        assert_eq!(locate(text, text.len() - 2).0, "/d~1~0");
        assert_eq!(locate(text, usize::MAX).1, "(top level)");
    }
}
