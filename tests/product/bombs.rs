//! Files that are too much of something: too many instances, functions or levels, and what a plugin must not say of itself. They
//! are generated, because as text they would have thousands of lines. Each says how it has to end.

use serde_json::{Value, json};

use crate::components::{HANDLES, about, by_hand, leb, raw, says, with_custom, with_section};

/// How a file has to end.
#[derive(Clone, Copy)]
pub enum Ends {
    /// It is refused in words, which have one of these in them.
    Refused(&'static [&'static str]),
    /// It is taken, and its first run has this outcome.
    Runs(&'static str),
    /// It is taken, and turning it on is refused: its own settings do not fit what it says of them.
    StaysOff,
}

/// A file, and how it has to end.
pub struct Bomb {
    pub name: &'static str,
    pub ends: Ends,
    pub wasm: Vec<u8>,
}

/// What the compiler says, or what is said of it.
const COMPILER: Ends =
    Ends::Refused(&["not a WebAssembly component: ", " to compile, which is more than a component may"]);

/// Levels of nesting: more than a thread's stack has room for, if something called itself once a level.
const LEVELS: usize = 200_000;

/// Those that are hard to compile or to hold, of a size that is over in seconds.
pub fn heavy() -> Vec<Bomb> {
    let bomb = |name, ends, wasm| Bomb { name, ends, wasm };
    let plain = || by_hand(HANDLES, "");
    let instances =
        |count: usize| format!("(core module $none) {}", "(core instance (instantiate $none))".repeat(count));
    vec![
        bomb("nothing but the skeleton, which is well", Ends::Runs("done"), plain()),
        bomb(
            "10 more core instances than the host has room for",
            Ends::Refused(&["does not fit this host"]),
            by_hand(HANDLES, &instances(900)),
        ),
        bomb("10 four thousand core instances", COMPILER, by_hand(HANDLES, &instances(4_000))),
        bomb("10 a hundred thousand core instances", COMPILER, by_hand(HANDLES, &instances(100_000))),
        bomb("32 a function of half a megabyte", Ends::Runs("done"), by_hand(&giant_function(500_000), "")),
        bomb("32 a function larger than any may be", COMPILER, by_hand(&giant_function(8_000_000), "")),
        bomb("32 a function of deep blocks", Ends::Runs("done"), by_hand(&deep_function(LEVELS), "")),
        bomb("33 twenty thousand functions", Ends::Runs("done"), by_hand(&functions(20_000), "")),
        bomb("33 more functions than there may be", COMPILER, by_hand(&functions(1_000_001), "")),
        bomb("34 deep component types", COMPILER, with_section(plain(), 7, &deep_types(0x41))),
        bomb("34 deep instance types", COMPILER, with_section(plain(), 7, &deep_types(0x42))),
        bomb("34 deep lists", COMPILER, by_hand(HANDLES, &deep_lists())),
        bomb("34 deep components", COMPILER, with_section(plain(), 4, &deep_components())),
    ]
}

/// Those that take all that the compiler may have, which is a minute of computing or two gigabytes.
pub fn greedy() -> Vec<Bomb> {
    let bomb = |name, wasm| Bomb { name, ends: COMPILER, wasm };
    vec![
        bomb("32 a function of seven megabytes", by_hand(&giant_function(7_000_000), "")),
        bomb("33 a million functions", by_hand(&functions(1_000_000), "")),
    ]
}

/// A function of so many bytes, in which every value lives to the end: what a compiler likes least.
fn giant_function(bytes: usize) -> String {
    // Each pair of instructions has four bytes.
    let sum = "local.get 0 i32.add ".repeat(bytes / 3);
    format!("{HANDLES} (func (export \"giant\") (param i32) (result i32) local.get 0 {sum})")
}

/// A function of so many blocks, each in the one before.
fn deep_function(levels: usize) -> String {
    format!("{HANDLES} (func (export \"deep\") {} {})", "block ".repeat(levels), "end ".repeat(levels))
}

/// So many functions that do nothing.
fn functions(count: usize) -> String {
    format!("{HANDLES} {}", "(func)".repeat(count - 2))
}

/// A section with one type, in which is a type, in which is a type. The byte says whether of a component or of an instance.
fn deep_types(kind: u8) -> Vec<u8> {
    // One type; and each is a list of one declaration, which is a type.
    let mut section = vec![1];
    for _ in 0..LEVELS {
        section.extend([kind, 1, 1]);
    }
    section.extend([kind, 0]);
    section
}

/// Lists of lists of lists.
fn deep_lists() -> String {
    let level = |level: usize| format!("(type $list-{} (list $list-{level}))", level + 1);
    "(type $list-0 (list string))".to_owned() + &(0..LEVELS).map(level).collect::<String>()
}

/// The content of a section that is a component, in which is a component, in which is a component.
fn deep_components() -> Vec<u8> {
    const HEAD: [u8; 8] = [0, b'a', b's', b'm', 0x0d, 0, 1, 0];
    // From the inside out it would be copied once a level: the lengths are found first, then written from the outside in.
    let mut sizes = vec![HEAD.len()];
    for level in 0..20_000 {
        let mut length = Vec::new();
        leb(&mut length, sizes[level]);
        sizes.push(HEAD.len() + 1 + length.len() + sizes[level]);
    }
    let mut content = HEAD.to_vec();
    for size in sizes.iter().rev().skip(1) {
        content.push(4);
        leb(&mut content, *size);
        content.extend(HEAD);
    }
    content
}

/// Those that say of themselves what they should not.
pub fn forged() -> Vec<Bomb> {
    let bomb = |name, ends, about: &Value| Bomb { name, ends, wasm: says(raw(HANDLES, ""), about) };
    let with = |change: fn(&mut Value)| {
        let mut about = about();
        change(&mut about);
        about
    };
    let wrong = Ends::Refused(&["`attune:plugin` section is wrong"]);
    let schema = |schema: Value| {
        let mut about = about();
        about["settings"] = schema;
        about
    };
    let property = |pattern: &str, default: &str| {
        let one = json!({ "type": "string", "pattern": pattern, "default": default });
        schema(json!({ "type": "object", "properties": { "one": one } }))
    };
    let long = "a".repeat(20_000);
    let mut deep = json!({});
    for _ in 0..100 {
        deep = json!({ "not": deep });
    }
    // Each level is the one below it, twice: checking one value takes a minute at 30 levels, and for ever at 60.
    let mut levels = serde_json::Map::from_iter([("level-0".to_owned(), json!({ "type": "object" }))]);
    for level in 1..=60 {
        let below = json!({ "$ref": format!("#/$defs/level-{}", level - 1) });
        levels.insert(format!("level-{level}"), json!({ "allOf": [below, below] }));
    }
    let doubling = json!({ "$defs": levels, "properties": { "x": { "$ref": "#/$defs/level-60", "default": {} } } });
    let mut deeper = about().to_string();
    deeper.insert_str(1, &format!("\"settings\":{}1{},", "{\"not\":".repeat(LEVELS / 2), "}".repeat(LEVELS / 2)));
    vec![
        bomb("37 a name with a path in it", wrong, &with(|about| about["name"] = json!("../order-status"))),
        bomb(
            "37 a description as long as a book",
            Ends::Refused(&["at most 500 bytes"]),
            &with(|about| {
                about["description"] = json!("<b>".repeat(1_000));
            }),
        ),
        bomb("37 a hundred levels of schema", Ends::Refused(&["2000 values or 32 levels"]), &schema(deep)),
        bomb("37 a schema that doubles with every line", Ends::Refused(&["it uses `$ref`"]), &schema(doubling)),
        Bomb {
            name: "37 more levels of schema than a stack has",
            ends: Ends::Refused(&["recursion limit"]),
            wasm: with_custom(raw(HANDLES, ""), "attune:plugin", deeper.as_bytes()),
        },
        bomb("37 a pattern that nearly fits in many ways", Ends::StaysOff, &property("^(a+)+!$", &long)),
        bomb(
            "37 a pattern that looks ahead in many ways",
            Ends::Refused(&["is not a JSON Schema"]),
            &property("^(?=(a+)+!)(a+)+!$", &long),
        ),
        bomb(
            "37 a pattern that grows",
            Ends::Refused(&["is not a JSON Schema"]),
            &property("((a{999}){999}){999}", "a"),
        ),
        bomb("37 a schema that is itself", Ends::Refused(&["it uses `$ref`"]), &schema(json!({ "$ref": "#" }))),
        bomb(
            "37 a schema that lies elsewhere",
            Ends::Refused(&["it uses `$ref`"]),
            &schema(json!({ "$ref": "http://127.0.0.1:9/schema.json" })),
        ),
    ]
}
