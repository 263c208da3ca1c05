//! ABNF (RFC 5234), read from text: a recogniser that tries everything, and a generator.

use std::{collections::HashMap, rc::Rc};

use crate::random::Random;

/// What a rule asks of its octets beyond its grammar.
pub(super) type Prose = fn(&[u8]) -> bool;

#[derive(Debug, Clone)]
enum Element {
    /// One of these.
    Either(Vec<Element>),
    /// All of these, in order.
    Row(Vec<Element>),
    /// At least and at most so many times.
    Repeat(usize, usize, Box<Element>),
    /// This text, whatever its case (section 2.3).
    Text(Vec<u8>),
    /// An octet of this range.
    Range(u8, u8),
    /// The rule of this number.
    Rule(usize),
}

#[derive(Debug)]
struct Rule {
    name: String,
    is: Option<Element>,
    prose: Option<Prose>,
}

/// The rules of a text.
#[derive(Debug)]
pub struct Abnf {
    rules: Vec<Rule>,
    /// By name in lower case.
    numbers: HashMap<String, usize>,
}

const MANY: usize = usize::MAX;

impl Abnf {
    /// Reads rules. A line that begins with a blank goes on with the rule of the line before.
    ///
    /// # Panics
    ///
    /// When the text is no ABNF, or names a rule that it has not.
    pub fn parse(text: &str) -> Self {
        let mut abnf = Self { rules: Vec::new(), numbers: HashMap::new() };
        let mut lines: Vec<String> = Vec::new();
        for line in text.lines() {
            let line = without_comment(line);
            if line.trim().is_empty() {
                continue;
            }
            match lines.last_mut() {
                Some(last) if line.starts_with([' ', '\t']) => {
                    last.push(' ');
                    last.push_str(line.trim());
                }
                _ => lines.push(line.trim().to_owned()),
            }
        }
        for line in &lines {
            abnf.rule(line);
        }
        for rule in &abnf.rules {
            assert!(rule.is.is_some(), "no rule {}", rule.name);
        }
        abnf
    }

    /// Asks this too of what a rule matches.
    ///
    /// # Panics
    ///
    /// When there is no such rule.
    pub(super) fn prose(&mut self, name: &str, prose: Prose) {
        let number = self.number_of(name);
        self.rules[number].prose = Some(prose);
    }

    /// Whether the octets, all of them, are what the rule says.
    ///
    /// # Panics
    ///
    /// When there is no such rule.
    pub fn matches(&self, name: &str, octets: &[u8]) -> bool {
        let mut matcher = Matcher { abnf: self, octets, known: HashMap::new() };
        matcher.rule(self.number_of(name), 0).contains(&octets.len())
    }

    /// Octets that the grammar of this rule has, though perhaps not its prose.
    ///
    /// # Panics
    ///
    /// When there is no such rule.
    pub fn generate(&self, name: &str, random: &mut Random) -> Vec<u8> {
        let mut octets = Vec::new();
        self.write(&Element::Rule(self.number_of(name)), random, &mut octets, 0);
        octets
    }

    fn number_of(&self, name: &str) -> usize {
        match self.numbers.get(&name.to_ascii_lowercase()) {
            Some(number) => *number,
            None => panic!("no rule {name}"),
        }
    }

    fn number(&mut self, name: &str) -> usize {
        let rules = &mut self.rules;
        *self.numbers.entry(name.to_ascii_lowercase()).or_insert_with(|| {
            rules.push(Rule { name: name.to_owned(), is: None, prose: None });
            rules.len() - 1
        })
    }

    fn rule(&mut self, line: &str) {
        let (name, is) = line.split_once('=').expect("a rule has a name");
        let (more, is) = is.strip_prefix('/').map_or((false, is), |is| (true, is));
        let number = self.number(name.trim());
        let mut text = Text(is);
        let element = text.either(self);
        assert!(text.0.is_empty(), "{name}: left over: {}", text.0);
        let old = self.rules[number].is.take();
        self.rules[number].is = Some(match old {
            Some(old) if more => Element::Either(vec![old, element]),
            None => element,
            Some(_) => panic!("two rules {name}"),
        });
    }

    fn write(&self, element: &Element, random: &mut Random, octets: &mut Vec<u8>, depth: usize) {
        match element {
            Element::Either(of) => {
                self.write(&of[random.below(of.len())], random, octets, depth + 1);
            }
            Element::Row(of) => {
                of.iter().for_each(|element| self.write(element, random, octets, depth + 1));
            }
            Element::Repeat(least, most, of) => {
                let mut times = *least;
                // Now and then many, to come to the limits of lengths.
                let go_on = if random.once_in(50) { 60 } else { 2 };
                while times < *most && depth < 40 && !random.once_in(go_on) {
                    times += 1;
                }
                (0..times).for_each(|_| self.write(of, random, octets, depth + 1));
            }
            Element::Text(text) => {
                octets.extend(text.iter().map(|octet| {
                    if random.once_in(2) { octet.to_ascii_lowercase() } else { *octet }
                }))
            }
            Element::Range(from, to) => {
                // The ends of a range are where it goes wrong.
                octets.push(match random.below(6) {
                    0 => *from,
                    1 => *to,
                    _ => from + u8::try_from(random.below(usize::from(to - from) + 1)).unwrap(),
                });
            }
            Element::Rule(number) => {
                let is = self.rules[*number].is.as_ref().unwrap();
                self.write(is, random, octets, depth + 1);
            }
        }
    }
}

fn without_comment(line: &str) -> &str {
    let mut quoted = false;
    let end = line.find(|character| {
        quoted ^= character == '"';
        character == ';' && !quoted
    });
    &line[..end.unwrap_or(line.len())]
}

/// What is left of the text of a rule.
struct Text<'t>(&'t str);

impl<'t> Text<'t> {
    fn blanks(&mut self) {
        self.0 = self.0.trim_start();
    }

    fn skip(&mut self, expected: char) -> bool {
        self.blanks();
        let rest = self.0.strip_prefix(expected);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn take(&mut self, of: impl Fn(char) -> bool) -> &'t str {
        let end = self.0.find(|character| !of(character)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    fn either(&mut self, abnf: &mut Abnf) -> Element {
        let mut of = vec![self.row(abnf)];
        while self.skip('/') {
            of.push(self.row(abnf));
        }
        if of.len() == 1 { of.remove(0) } else { Element::Either(of) }
    }

    fn row(&mut self, abnf: &mut Abnf) -> Element {
        let mut of = Vec::new();
        while let Some(element) = self.repeat(abnf) {
            of.push(element);
        }
        if of.len() == 1 { of.remove(0) } else { Element::Row(of) }
    }

    fn repeat(&mut self, abnf: &mut Abnf) -> Option<Element> {
        self.blanks();
        let least = self.take(|character| character.is_ascii_digit());
        let (least, most) = match (least.parse(), self.0.strip_prefix('*')) {
            (least, Some(rest)) => {
                self.0 = rest;
                let most = self.take(|character| character.is_ascii_digit());
                (least.unwrap_or(0), most.parse().unwrap_or(MANY))
            }
            (Ok(times), None) => (times, times),
            (Err(_), None) => return self.element(abnf),
        };
        let of = self.element(abnf).expect("something to repeat");
        Some(Element::Repeat(least, most, Box::new(of)))
    }

    fn element(&mut self, abnf: &mut Abnf) -> Option<Element> {
        if self.skip('(') {
            let element = self.either(abnf);
            assert!(self.skip(')'), "no ) before {}", self.0);
            return Some(element);
        }
        if self.skip('[') {
            let element = self.either(abnf);
            assert!(self.skip(']'), "no ] before {}", self.0);
            return Some(Element::Repeat(0, 1, Box::new(element)));
        }
        if self.skip('"') {
            let text = self.take(|character| character != '"').as_bytes().to_vec();
            assert!(self.skip('"'), "no quote before {}", self.0);
            return Some(Element::Text(text));
        }
        if self.skip('%') {
            return Some(self.number());
        }
        let name = self.take(|character| character.is_ascii_alphanumeric() || character == '-');
        (!name.is_empty()).then(|| Element::Rule(abnf.number(name)))
    }

    fn number(&mut self) -> Element {
        let radix = if self.skip('x') { 16 } else { 10 };
        assert!(radix == 16 || self.skip('d'), "neither x nor d: {}", self.0);
        let octet = |text: &mut Self| {
            let digits = text.take(|character| character.is_ascii_hexdigit());
            u8::from_str_radix(digits, radix).expect("an octet")
        };
        let first = octet(self);
        if self.skip('-') {
            return Element::Range(first, octet(self));
        }
        let mut row = vec![Element::Range(first, first)];
        while self.skip('.') {
            let next = octet(self);
            row.push(Element::Range(next, next));
        }
        Element::Row(row)
    }
}

struct Matcher<'m> {
    abnf: &'m Abnf,
    octets: &'m [u8],
    /// Where a rule may end that begins at an octet.
    known: HashMap<(usize, usize), Rc<[usize]>>,
}

impl Matcher<'_> {
    fn rule(&mut self, number: usize, at: usize) -> Rc<[usize]> {
        if let Some(ends) = self.known.get(&(number, at)) {
            return Rc::clone(ends);
        }
        let abnf = self.abnf;
        let rule = &abnf.rules[number];
        let mut ends = self.ends(rule.is.as_ref().unwrap(), at);
        if let Some(prose) = rule.prose {
            ends.retain(|end| prose(&self.octets[at..*end]));
        }
        let ends: Rc<[usize]> = ends.into();
        self.known.insert((number, at), Rc::clone(&ends));
        ends
    }

    /// Every place where the element may end: in order, each once.
    fn ends(&mut self, element: &Element, at: usize) -> Vec<usize> {
        match element {
            Element::Either(of) => {
                let mut ends: Vec<_> = of.iter().flat_map(|one| self.ends(one, at)).collect();
                ends.sort_unstable();
                ends.dedup();
                ends
            }
            Element::Row(of) => {
                let mut from = vec![at];
                for element in of {
                    from = self.after(element, &from);
                }
                from
            }
            Element::Repeat(least, most, of) => {
                let mut from = vec![at];
                let mut ends = if *least == 0 { from.clone() } else { Vec::new() };
                let mut times = 0;
                while times < *most && !from.is_empty() {
                    from = self.after(of, &from);
                    times += 1;
                    if times >= *least {
                        // What was reached with fewer goes no further with more.
                        from.retain(|end| !ends.contains(end));
                        ends.extend(&from);
                    }
                }
                ends.sort_unstable();
                ends
            }
            Element::Text(text) => {
                let there = self.octets.get(at..at + text.len());
                let matches = there.is_some_and(|there| there.eq_ignore_ascii_case(text));
                if matches { vec![at + text.len()] } else { Vec::new() }
            }
            Element::Range(from, to) => {
                let matches = self.octets.get(at).is_some_and(|octet| (from..=to).contains(&octet));
                if matches { vec![at + 1] } else { Vec::new() }
            }
            Element::Rule(number) => self.rule(*number, at).to_vec(),
        }
    }

    fn after(&mut self, element: &Element, from: &[usize]) -> Vec<usize> {
        let mut ends: Vec<_> = from.iter().flat_map(|at| self.ends(element, *at)).collect();
        ends.sort_unstable();
        ends.dedup();
        ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn abnf() -> Abnf {
        Abnf::parse(
            "list = item *(\",\" item) ; \"with\" a comment\n\
             item = 1*3digit /\n  \"x;\" [list]\n\
             digit = %x30-39\n\
             item =/ %d97.98 / 2(\"Z\")\n",
        )
    }

    #[test]
    fn matches_all_of_a_text_and_nothing_else() {
        let abnf = abnf();
        for good in ["1", "123", "X;", "x;1,2", "ab", "zZ,1", "1,x;x;ab"] {
            assert!(abnf.matches("list", good.as_bytes()), "{good}");
        }
        for bad in ["", "1234", "AB", "z", "zzz", ",1", "1,", "x", "1 "] {
            assert!(!abnf.matches("list", bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn matches_what_it_generates() {
        let abnf = abnf();
        let mut random = Random::new(1);
        for _ in 0..500 {
            let octets = abnf.generate("list", &mut random);
            assert!(abnf.matches("list", &octets), "{}", octets.escape_ascii());
        }
    }

    #[test]
    fn asks_the_prose_of_each_rule() {
        let mut abnf = abnf();
        abnf.prose("item", |octets| octets != b"7");
        assert!(abnf.matches("list", b"6,77"));
        assert!(!abnf.matches("list", b"6,7"));
    }
}
