//! What the owner changes of the answers to customers' questions. A change is taken as a whole or refused as a whole.

use std::collections::BTreeMap;

use crate::domain::knowledge::{Article, Kept, KnowledgeChange, check_all};
use crate::engine::config::article_key;
use crate::turn::Effect;
use crate::turn::config::Knowledge;

use super::Step;

impl Step<'_> {
    pub(super) fn knowledge(&mut self, by: &str, change: &KnowledgeChange) {
        let config = self.env.ready.config.clone();
        let known = &config.knowledge;
        let (what, seen) = match change {
            KnowledgeChange::Add(article) => (format!("adds the answer {}", article.id), None),
            KnowledgeChange::Put { article, seen } => (format!("changes the answer {}", article.id), *seen),
            KnowledgeChange::Import { articles, .. } => (format!("imports {} answers", articles.len()), None),
            KnowledgeChange::Delete { id, seen } => (format!("deletes the answer {id}"), *seen),
        };
        self.why.what = format!("{by} {what}");
        match change {
            KnowledgeChange::Add(article) if known.article(&article.id).is_some() => {
                let id = &article.id;
                self.refuse("conflict", format!("there is an article `{id}` already; change it with PUT"));
            }
            KnowledgeChange::Add(article) => self.keep(known, std::slice::from_ref(article), false),
            KnowledgeChange::Put { article, .. } => {
                if self.is_as_seen(known, &article.id, seen) {
                    self.keep(known, std::slice::from_ref(article), false);
                }
            }
            KnowledgeChange::Import { articles, replace } => self.keep(known, articles, *replace),
            KnowledgeChange::Delete { id, .. } => {
                if known.article(id).is_none() {
                    self.refuse("not-found", format!("there is no article `{id}` in this business"));
                } else if self.is_as_seen(known, id, seen) {
                    self.turn.stage(Effect::Raw(article_key(self.entry.business, id), None));
                }
            }
        }
    }

    fn is_as_seen(&mut self, known: &Knowledge, id: &str, seen: Option<u64>) -> bool {
        let revision = known.article(id).map_or(0, |(_, revision)| revision);
        let is_so = seen.is_none_or(|seen| seen == revision);
        if !is_so {
            let words = format!("article `{id}` has changed: it is at revision {revision}; read it again");
            self.refuse("changed", words);
        }
        is_so
    }

    /// Keeps articles, each in the place of the one of its id; with `replace`, and no others.
    fn keep(&mut self, known: &Knowledge, articles: &[Article], replace: bool) {
        let new: BTreeMap<&str, &Article> = articles.iter().map(|article| (article.id.as_str(), article)).collect();
        let is_old = |article: &Article| !new.contains_key(article.id.as_str());
        let rest: Vec<&Article> = known.all().map(|(article, _)| article).filter(|article| is_old(article)).collect();
        let all = new.values().copied().chain(rest.iter().copied().filter(|_| !replace));
        let broken = articles.iter().find_map(|article| {
            let (field, rule) = article.misfits().into_iter().next()?;
            Some(format!("{field}: {rule}"))
        });
        if let Some(words) = broken.or_else(|| check_all(all).err()) {
            return self.refuse("invalid", words);
        }
        let business = self.entry.business;
        for (id, article) in new {
            let old = known.article(id);
            if old.is_none_or(|(old, _)| old != article) {
                let revision = old.map_or(1, |(_, revision)| revision + 1);
                self.put(article_key(business, id), &Kept { article: article.clone(), revision });
            }
        }
        for article in rest.into_iter().filter(|_| replace) {
            self.turn.stage(Effect::Raw(article_key(business, &article.id), None));
        }
    }
}
