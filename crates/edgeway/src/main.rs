//! The program `edgeway`.

fn main() {}
