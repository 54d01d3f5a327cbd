//! How well texts are read, on labelled sets of other people's texts. A set that is not there is skipped, with a message.

mod banking;

use std::path::Path;

fn main() {
    let data = std::env::args_os().nth(1).unwrap_or_else(|| "../shared/data".into());
    match banking::run(&Path::new(&data).join("banking77/train.csv")) {
        Some(figures) => figures.iter().for_each(|(what, figure, count)| println!("{what}: {figure:.4} (n = {count})")),
        None => println!("Banking77 is not in {}; skipped", Path::new(&data).display()),
    }
}
