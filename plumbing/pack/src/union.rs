//! Going through several sorted lists of objects as if they were one.

use crate::bytes::order;
use crate::error::PackError;
use roar_object::ObjectId;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

/// An object of one of several lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Met<T = ()> {
    /// The object.
    pub id: ObjectId,
    /// In which of the lists.
    pub list: usize,
    /// Its place in the list, from 0.
    pub rank: u32,
    /// What the list says of it.
    pub with: T,
    /// Whether no list before has it.
    pub is_first: bool,
}

/// Goes through the objects of several lists, each sorted by name: by name, and those that are in several
/// lists in the order of these. Ends after an error.
#[derive(Debug)]
pub struct Union<I, T = ()> {
    lists: Vec<I>,
    /// The next object of each list.
    heads: BinaryHeap<Reverse<Head<T>>>,
    last: Option<ObjectId>,
    /// What went wrong when the next object was to be had.
    wrong: Option<PackError>,
}

#[derive(Debug)]
struct Head<T> {
    id: ObjectId,
    list: usize,
    rank: u32,
    with: T,
}

impl<T> Ord for Head<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        order(&self.id, &other.id).then(self.list.cmp(&other.list))
    }
}

impl<T> PartialOrd for Head<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Head<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Head<T> {}

impl<I, T> Union<I, T>
where
    I: Iterator<Item = Result<(ObjectId, T), PackError>>,
{
    /// Begins with the first object of each list.
    ///
    /// # Errors
    ///
    /// Those of the lists.
    pub fn new(mut lists: Vec<I>) -> Result<Self, PackError> {
        let mut heads = BinaryHeap::with_capacity(lists.len());
        for (list, objects) in lists.iter_mut().enumerate() {
            if let Some((id, with)) = objects.next().transpose()? {
                let rank = 0;
                heads.push(Reverse(Head {
                    id,
                    list,
                    rank,
                    with,
                }));
            }
        }
        Ok(Self {
            lists,
            heads,
            last: None,
            wrong: None,
        })
    }

    /// Takes the lowest object, and lets the next of its list take its place.
    fn take(&mut self) -> Option<Head<T>> {
        let mut lowest = self.heads.peek_mut()?;
        let (list, rank) = (lowest.0.list, lowest.0.rank);
        match self.lists[list].next() {
            Some(Ok((id, with))) => {
                let next = Head {
                    id,
                    list,
                    rank: rank.saturating_add(1),
                    with,
                };
                Some(std::mem::replace(&mut *lowest, Reverse(next)).0)
            }
            Some(Err(err)) => {
                self.wrong = Some(err);
                Some(PeekMut::pop(lowest).0)
            }
            None => Some(PeekMut::pop(lowest).0),
        }
    }
}

impl<I, T> Iterator for Union<I, T>
where
    I: Iterator<Item = Result<(ObjectId, T), PackError>>,
{
    type Item = Result<Met<T>, PackError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(err) = self.wrong.take() {
            self.heads.clear();
            return Some(Err(err));
        }
        let Head {
            id,
            list,
            rank,
            with,
        } = self.take()?;
        let is_first = self.last.replace(id) != Some(id);
        Some(Ok(Met {
            id,
            list,
            rank,
            with,
            is_first,
        }))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests may panic")]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn id(number: u8) -> ObjectId {
        ObjectId::from_bytes([number; 32])
    }

    proptest! {
        #[test]
        fn all_that_is_in_the_lists_is_met_in_order(
            lists in prop::collection::vec(prop::collection::btree_set(0u8..40, 0..20), 0..5),
        ) {
            let streams = lists.iter().map(|list| list.iter().map(|it| Ok((id(*it), ())))).collect();
            let met: Vec<_> = Union::new(streams).unwrap().map(Result::unwrap).collect();
            prop_assert!(met.is_sorted_by_key(|it| (it.id, it.list)));
            prop_assert_eq!(met.len(), lists.iter().map(BTreeSet::len).sum::<usize>());
            for it in &met {
                let found = lists[it.list].iter().nth(it.rank as usize).unwrap();
                prop_assert_eq!(it.id, id(*found));
                let first = lists.iter().position(|list| list.contains(found));
                prop_assert_eq!(it.is_first, first == Some(it.list));
            }
        }
    }

    #[test]
    fn what_is_wrong_with_a_list_ends_it() {
        let wrong = || Err(PackError::Index { why: "it is" });
        let lists = vec![
            vec![Ok((id(1), ())), Ok((id(3), ()))].into_iter(),
            vec![Ok((id(2), ())), wrong(), Ok((id(4), ()))].into_iter(),
        ];
        let met: Vec<_> = Union::new(lists).unwrap().collect();
        assert_eq!(met.len(), 3);
        assert!(met[..2].iter().all(Result::is_ok) && met[2].is_err());
        assert!(Union::new(vec![vec![wrong()].into_iter()]).is_err());
        let none: Vec<std::vec::IntoIter<Result<(ObjectId, ()), PackError>>> = Vec::new();
        assert_eq!(Union::new(none).unwrap().count(), 0);
    }
}
