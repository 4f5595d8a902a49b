//! Who a file says it is of, and whether two files can be of one person.

use std::collections::HashMap;
use std::fmt;

use serde::Serialize;

/// A series of more persons than this is no mistake of writing: only equal ones are one person then.
const MOST_COMPARED: usize = 100;

/// A patient as a file's header names them; empty where it says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Person {
    /// PatientID (0010,0020).
    pub id: String,
    /// IssuerOfPatientID (0010,0021).
    pub issuer: String,
    /// PatientName (0010,0010), as written.
    pub name: String,
    /// PatientBirthDate (0010,0030), YYYYMMDD as in the file.
    pub birth_date: String,
}

impl Person {
    /// True where nothing contradicts that both are one person: each value is the same in both or absent in one. Case,
    /// blanks, separators and absent parts of a name (`DOE^JANE`, `Doe^Jane^^`) are no contradiction.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let same = |a: &str, b: &str| a.is_empty() || b.is_empty() || a == b;
        same(&plain(&self.id), &plain(&other.id))
            && same(&plain(&self.issuer), &plain(&other.issuer))
            && same(&digits(&self.birth_date), &digits(&other.birth_date))
            && same_name(&self.name, &other.name)
    }

    /// How many of the values are stated.
    fn stated(&self) -> usize {
        [&self.id, &self.issuer, &self.name, &self.birth_date].iter().filter(|v| !v.trim().is_empty()).count()
    }

    /// Takes over what the other knows in addition.
    fn complete(&mut self, other: &Self) {
        for (own, theirs) in [
            (&mut self.id, &other.id),
            (&mut self.issuer, &other.issuer),
            (&mut self.name, &other.name),
            (&mut self.birth_date, &other.birth_date),
        ] {
            if own.trim().is_empty() {
                own.clone_from(theirs);
            }
        }
    }
}

/// "ID 17 (issuer A, DOE^JANE, born 19600101)".
impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = if self.id.is_empty() { "no ID".to_owned() } else { format!("ID {}", self.id) };
        let mut parts = Vec::new();
        if !self.issuer.is_empty() {
            parts.push(format!("issuer {}", self.issuer));
        }
        if !self.name.is_empty() {
            parts.push(self.name.clone());
        }
        if !self.birth_date.is_empty() {
            parts.push(format!("born {}", self.birth_date));
        }
        if parts.is_empty() { f.write_str(&id) } else { write!(f, "{id} ({})", parts.join(", ")) }
    }
}

/// Which person each file is of: a number by file and the persons by number. What a file leaves out is no difference,
/// unless it could be of several.
pub(crate) fn tell_apart(files: &[Person]) -> (Vec<usize>, Vec<Person>) {
    let mut order: Vec<usize> = (0..files.len()).collect();
    // The fullest first, so that a file that says little joins one that says more.
    order.sort_by_key(|&i| std::cmp::Reverse(files[i].stated()));
    let mut persons: Vec<Person> = Vec::new();
    let mut numbers = vec![0; files.len()];
    let mut known: HashMap<Person, usize> = HashMap::new();
    for i in order {
        // Nearly always all files of a series say the same.
        if let Some(&number) = known.get(&files[i]) {
            numbers[i] = number;
            continue;
        }
        let few = persons.len().min(MOST_COMPARED);
        let mut agreeing = (0..few).filter(|&p| persons[p].agrees_with(&files[i]));
        numbers[i] = match (agreeing.next(), agreeing.next()) {
            (Some(one), None) => {
                persons[one].complete(&files[i]);
                one
            }
            _ => {
                persons.push(files[i].clone());
                persons.len() - 1
            }
        };
        known.insert(files[i].clone(), numbers[i]);
    }
    (numbers, persons)
}

fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// Names by their alphabetic, ideographic and phonetic parts (PS3.5 6.2); those that only one has tell nothing.
fn same_name(a: &str, b: &str) -> bool {
    let words = |part: &str| part.replace(['^', ','], " ");
    let mut pairs = a.split('=').zip(b.split('='));
    pairs.all(|(a, b)| {
        let (a, b) = (plain(&words(a)), plain(&words(b)));
        a.is_empty() || b.is_empty() || a == b
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(id: &str, name: &str, birth_date: &str) -> Person {
        Person { id: id.into(), name: name.into(), birth_date: birth_date.into(), issuer: String::new() }
    }

    #[test]
    fn ways_to_write_one_person_agree_and_other_persons_do_not() {
        let jane = person("A1", "DOE^JANE", "19600101");
        for same in [
            person("a1 ", "Doe^Jane^^", "1960.01.01"),
            person("A1", "DOE JANE", ""),
            person("", "DOE^JANE=王^小东", "19600101"),
            person("A1", "", "19600101"),
        ] {
            assert!(jane.agrees_with(&same) && same.agrees_with(&jane), "{same}");
        }
        for other in [
            person("A2", "DOE^JANE", "19600101"),
            person("A1", "DOE^JOHN", "19600101"),
            person("A1", "DOE^JANE", "19600102"),
            Person { issuer: "B".into(), ..Person::default() },
        ] {
            let issued = Person { issuer: "A".into(), ..jane.clone() };
            assert!(!issued.agrees_with(&other), "{other}");
        }
    }

    #[test]
    fn a_file_that_says_little_joins_the_one_person_it_can_be_of() {
        let files = [person("", "", ""), person("A", "X", ""), person("A", "", "19600101")];
        let (numbers, persons) = tell_apart(&files);
        assert_eq!((numbers, persons.len()), (vec![0, 0, 0], 1));
        assert_eq!(persons[0], person("A", "X", "19600101"));
        let (numbers, persons) = tell_apart(&[person("A", "", ""), person("B", "", ""), person("", "", "")]);
        assert_eq!((numbers, persons.len()), (vec![0, 1, 2], 3));
    }
}
