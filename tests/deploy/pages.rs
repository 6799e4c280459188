//! The documentation as it stands: its links lead somewhere, its examples are pieces of files that tests run, and the make
//! targets that it names are there.

use crate::deployed;
use latchkey_tests::files::{self, files_below};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Pages whose every example comes from a file.
const PAGES: [&str; 8] = [
    "quick-start.md",
    "concepts.md",
    "install.md",
    "operations.md",
    "observability.md",
    "security.md",
    "migration.md",
    "faq.md",
];

pub(crate) fn docs(name: &str) -> PathBuf {
    files::checkout().join("docs").join(name)
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

/// Every page of a checkout or a release: in the top folder, in `docs/` and below `envoy/`.
fn pages(top: &Path) -> Vec<PathBuf> {
    let mut pages = files_below(&top.join("envoy"), ".md");
    for folder in [top.to_owned(), top.join("docs")] {
        let entries = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        pages.extend(entries.filter(|path| path.extension().is_some_and(|end| end == "md")));
    }
    pages
}

/// The lines of a page that are no code.
fn prose(text: &str) -> Vec<&str> {
    let mut code = false;
    let outside = |line: &&str| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    };
    text.lines().filter(outside).collect()
}

/// What the links of a page name.
fn links(text: &str) -> Vec<String> {
    let prose = prose(text).join("\n");
    let targets = prose.split("](").skip(1);
    targets
        .filter_map(|rest| Some(rest.split_once(')')?.0.to_owned()))
        .collect()
}

/// The names under which the headings of a page can be linked to.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).into_iter().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title
            .chars()
            .filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
        kept.collect::<String>().replace(' ', "-")
    };
    headings.map(anchor).collect()
}

/// Fails the test if a link of a page leads nowhere, in a checkout or a release.
#[track_caller]
pub(crate) fn assert_links_lead_somewhere(top: &Path) {
    let mut broken = Vec::new();
    let mut followed = 0;
    for page in pages(top) {
        let text = read(&page);
        for link in links(&text)
            .iter()
            .filter(|link| !link.contains("://") && !link.starts_with("mailto:"))
        {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() {
                page.clone()
            } else {
                page.parent().unwrap().join(path)
            };
            let leads =
                target.exists() && (anchor.is_empty() || anchors(&read(&target)).contains(anchor));
            if !leads {
                broken.push(format!("{}: {link}", page.display()));
            }
            followed += 1;
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(followed > 80, "only {followed} links were found");
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_of_it() {
    assert_links_lead_somewhere(files::checkout());
}

#[test]
fn the_index_names_every_page() {
    let index = read(&docs("README.md"));
    let entries = fs::read_dir(docs(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let missing: Vec<String> = entries
        .filter(|name| name.ends_with(".md") && name != "README.md")
        .filter(|name| !index.contains(&format!("({name})")))
        .collect();
    assert!(
        missing.is_empty(),
        "docs/README.md does not name {missing:?}"
    );
}

/// What stands after `make ` where it begins a command: a target, unless it is an option or an ordinary word.
fn targets(text: &str) -> Vec<&str> {
    let commands = text.lines().flat_map(|line| {
        let quoted = line.split('`').skip(1).step_by(2);
        let run = line.trim_start().trim_start_matches("- run: ");
        quoted.chain([run])
    });
    let named = commands.filter_map(|command| command.strip_prefix("make "));
    named
        .filter_map(|rest| rest.split([' ', ';']).next())
        .collect()
}

#[test]
fn every_make_target_that_a_page_or_a_workflow_names_is_there() {
    let makefile = read(&files::checkout().join("Makefile"));
    let workflows = files_below(&files::checkout().join(".github"), ".yml");
    assert_eq!(workflows.len(), 2);
    let mut named = 0;
    for page in pages(files::checkout()).into_iter().chain(workflows) {
        for target in targets(&read(&page)) {
            let rule = format!("\n{target}:");
            assert!(
                makefile.contains(&rule) || target.starts_with(['-', '…']),
                "{}: make {target}",
                page.display()
            );
            named += 1;
        }
    }
    assert!(named > 40, "only {named} were found");
}

/// Every command of the store in the code of a page, without its name.
fn store_commands(text: &str) -> Vec<String> {
    let blocks = examples(text)
        .into_iter()
        .filter(|example| example.language == "sh");
    let mut commands = Vec::new();
    for line in blocks.flat_map(|block| block.text.lines().map(str::to_owned).collect::<Vec<_>>()) {
        let rests = line.split("latchkey-store ").skip(1);
        // In `kubectl exec deployment/latchkey-store -- …` it names something else.
        for rest in rests.filter(|rest| !rest.starts_with("-- ")) {
            let end = [" #", " |", ")", " >", "\\"].iter();
            let end = end.filter_map(|end| rest.find(end)).min();
            commands.push(rest[..end.unwrap_or(rest.len())].to_owned());
        }
    }
    commands
}

#[test]
fn every_command_of_the_store_that_a_page_shows_is_one() {
    let mut shown = 0;
    for page in pages(files::checkout()) {
        for command in store_commands(&read(&page)) {
            // With --help at the end nothing is done, but a command or an option that is not there is an error.
            let mut shell = Command::new("bash");
            shell
                .args(["-c", &format!("exec \"$STORE\" {command} --help")])
                .env("STORE", files::store().unwrap())
                .env("OLD_KEY_ID", "k_1");
            let ran = shell.output().unwrap();
            assert!(
                ran.status.success(),
                "{}: latchkey-store {command}: {}",
                page.display(),
                String::from_utf8_lossy(&ran.stderr)
            );
            shown += 1;
        }
    }
    assert!(shown > 20, "only {shown} were found");
}

/// A block of code, and the comment on the line before it.
struct Example {
    origin: String,
    language: String,
    text: String,
}

fn examples(text: &str) -> Vec<Example> {
    let lines: Vec<&str> = text.lines().collect();
    let mut examples = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let Some(language) = lines[at].strip_prefix("```") else {
            at += 1;
            continue;
        };
        let length = lines[at + 1..]
            .iter()
            .position(|line| *line == "```")
            .expect("the block ends");
        examples.push(Example {
            origin: at
                .checked_sub(1)
                .map_or("", |before| lines[before])
                .to_owned(),
            language: language.to_owned(),
            text: lines[at + 1..at + 1 + length].join("\n") + "\n",
        });
        at += length + 2;
    }
    examples
}

/// A file, or what stands between `# step: NAME` and `# end` in it.
fn source(origin: &str) -> String {
    let (path, step) = origin.split_once(", ").unwrap_or((origin, ""));
    let text = read(&docs(path));
    if step.is_empty() {
        return text;
    }
    let after = text
        .split_once(&format!("# step: {step}\n"))
        .unwrap_or_else(|| panic!("no step {step} in {path}"))
        .1;
    after
        .split_once("# end\n")
        .expect("the step ends")
        .0
        .to_owned()
}

#[test]
fn every_example_of_a_page_stands_in_a_file_that_is_run() {
    for page in PAGES {
        for example in examples(&read(&docs(page)))
            .iter()
            .filter(|example| example.language != "mermaid")
        {
            let origin = &example.origin;
            if origin.starts_with("<!-- not run: ") {
                continue;
            }
            let origin = origin
                .strip_prefix("<!-- from: ")
                .and_then(|rest| rest.strip_suffix(" -->"));
            let origin = origin.unwrap_or_else(|| {
                panic!(
                    "docs/{page} does not say where this is from:\n{}",
                    example.text
                )
            });
            assert!(
                source(origin).contains(&example.text),
                "docs/{page} shows what is not in {origin}:\n{}",
                example.text
            );
        }
    }
}

#[test]
fn every_folder_of_examples_says_what_it_shows() {
    for folder in [
        "docker-compose",
        "istio",
        "envoy-gateway",
        "kubernetes",
        "observability",
    ] {
        let text = read(&deployed(folder).join("README.md"));
        assert!(
            text.contains("```sh") && text.contains("Checked by `make test`"),
            "{folder}"
        );
    }
}
