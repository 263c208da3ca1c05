//! How effort grows with hostile input: what twice the octets need, beside what they need once.

use smtp_bench::hostile::{GROUPS, LENGTH, shapes};

use crate::harness::Count;

/// How many times as much twice the octets may need. What is kept in a sorted set or grows by doubling makes
/// it a little more than 2, what is looked at again for each octet makes it nearly 4.
const MOST: f64 = 2.2;

/// What a shape of input needed, once and twice as long.
#[derive(Debug)]
pub(crate) struct Growth {
    name: &'static str,
    once: f64,
    twice: f64,
}

impl Growth {
    fn ratio(&self) -> f64 {
        self.twice / self.once
    }
}

/// In the order of the shapes.
pub(crate) fn growths(counts: &[Count]) -> Result<Vec<Growth>, String> {
    let find = |id: String| {
        let mut effort = counts.iter().filter(|count| count.function == "effort");
        let found = effort.find(|count| count.id == id).map(|count| count.instructions);
        found.ok_or_else(|| format!("{id} was not measured"))
    };
    let growth = |(number, shape): (usize, &smtp_bench::hostile::Shape)| {
        let (once, twice) = (find(format!("once_{number}"))?, find(format!("twice_{number}"))?);
        Ok(Growth { name: shape.name, once, twice })
    };
    shapes().enumerate().map(growth).collect()
}

/// Markdown: a line for each shape.
pub(crate) fn table(growths: &[Growth]) -> String {
    let mut table = format!(
        "| instructions for each octet of … | {LENGTH} octets | {} octets | ratio for all |\n\
         | --- | ---: | ---: | ---: |\n",
        2 * LENGTH,
    );
    let each = |counted: f64, times: usize| {
        u32::try_from(LENGTH * times).map_or(counted, |octets| counted / f64::from(octets))
    };
    let mut growths = growths.iter();
    for (whose, shapes) in GROUPS {
        table += &format!("| *{whose}* | | | |\n");
        for growth in growths.by_ref().take(shapes.len()) {
            table += &format!(
                "| {} | {:.1} | {:.1} | {:.2} |\n",
                growth.name,
                each(growth.once, 1),
                each(growth.twice, 2),
                growth.ratio(),
            );
        }
    }
    table
}

pub(crate) fn check(growths: &[Growth]) -> Result<(), String> {
    let too_fast = growths.iter().filter(|growth| growth.ratio() > MOST);
    let told: Vec<String> = too_fast
        .map(|growth| {
            let (name, ratio) = (growth.name, growth.ratio());
            format!("{name}: twice the octets need {ratio:.2} times the instructions")
        })
        .collect();
    if !told.is_empty() {
        return Err(told.join("\n"));
    }
    println!("no shape of input needs more than {MOST} times as much when it is twice as long");
    Ok(())
}
