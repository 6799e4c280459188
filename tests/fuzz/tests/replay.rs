//! Every committed input holds its property: the seeds, and whatever once broke one.

use latchkey_fuzz::TARGETS;
use std::fs;
use std::path::Path;

#[test]
fn every_committed_input_of_every_target_holds_its_property() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    for (name, check) in TARGETS {
        let seeds = folder.join(name);
        let entries =
            fs::read_dir(&seeds).unwrap_or_else(|error| panic!("{}: {error}", seeds.display()));
        let mut count = 0;
        for entry in entries {
            let path = entry.unwrap().path();
            eprintln!("{}", path.display());
            check(&fs::read(path).unwrap());
            count += 1;
        }
        assert!(count > 0, "{} is empty", seeds.display());
        eprintln!("{name}: {count} inputs");
    }
}
