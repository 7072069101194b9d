#!/usr/bin/env python3
"""Tests of the pure parts of bench/vs_peers: choice of batches, reading a run's lines, medians, ratios, tables, the page."""
import collections
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import contestant
import page
import results
import settings


def result(examples_per_s, **more):
    return {"examples_per_s": examples_per_s, "step_s": [0.5, 0.1, 0.3], "start_s": 2.0, "peak_rss_bytes": 3e9, "losses": []} | more


def record(**rounds):
    contestants = {name: {"rounds": [r and result(r) for r in found], "missing": None if any(found) else "no | wheel"}
                   for name, found in rounds.items()}
    return {"reference": "tilefit", "contestants": contestants}


def setting(name):
    return next(s for s in settings.SETTINGS if s.name == name)


class BatchesTest(unittest.TestCase):
    lengths = [20 + (i * 7919) % 365 for i in range(3000)]

    def test_shuffled_batches_are_disjoint_and_repeatable(self):
        batches = settings.choose_batches(self.lengths, setting("distilbert-default"), steps=5)
        self.assertEqual([len(b) for b in batches], [8] * 7)
        self.assertEqual(max(collections.Counter(i for b in batches for i in b).values()), 1)
        self.assertEqual(batches, settings.choose_batches(self.lengths, setting("distilbert-default"), steps=5))

    def test_grouped_batches_are_of_a_length_and_stand_for_all(self):
        for steps in (1, 6, 25):
            batches = settings.choose_batches(self.lengths, setting("distilbert-tuned"), steps)
            self.assertEqual(len(batches), steps + settings.WARMUP)
            for batch in batches:
                found = [self.lengths[i] for i in batch]
                self.assertLess(max(found) - min(found), 20)
            measured = [self.lengths[i] for b in batches[settings.WARMUP:] for i in b]
            self.assertAlmostEqual(sum(measured) / len(measured), sum(self.lengths) / len(self.lengths), delta=15)
        self.assertGreater(min(self.lengths[i] for i in batches[0]), 370)  # the longest first

    def test_a_small_pool_is_used_again(self):
        batches = settings.choose_batches([50] * 20, setting("distilbert-default"), steps=5)
        self.assertEqual([len(b) for b in batches], [8] * 7)

    def test_only_keeps_the_first_contestant(self):
        (chosen, contestants), = settings.selected(["distilbert-tuned:ipex*"])
        self.assertEqual((chosen.name, [c.name for c in contestants]), ("distilbert-tuned", ["tilefit", "ipex-tuned"]))
        self.assertEqual([s.name for s, _ in settings.selected(["minilm*"])], ["minilm-default", "minilm-tuned", "minilm-tuned-bf16"])
        self.assertEqual(settings.selected(["minilm"]), [])
        self.assertFalse(any(s.optional for s, _ in settings.selected([])))


class LinesTest(unittest.TestCase):
    def test_step_lines_of_both_kinds(self):
        lines = [(1.0, "[info] loading"), (2.0, "step 0 loss 5.9500"), (3.5, "step 1 loss 5.2500"), (3.6, "steps done"), (4.0, "step 2")]
        self.assertEqual(contestant.timed_steps(lines), ([2.0, 3.5, 4.0], [5.95, 5.25, None]))
        lines = [(1.0, "{'loss': 5.1, 'grad_norm': 2.0, 'learning_rate': 5e-05, 'epoch': 0.5}"), (2.0, "{'train_runtime': 3}")]
        self.assertEqual(contestant.timed_steps(lines), ([1.0], [5.1]))

    def test_the_start_ends_when_the_first_step_can_begin(self):
        self.assertEqual(contestant.ready_s([(1.0, "already"), (2.0, "ready"), (3.0, "step 0 loss 5.0")]), 2.0)
        self.assertEqual(contestant.ready_s([(1.0, "[info] loading"), (1.5, "[info] trainer: ***** Running training *****")]), 1.5)
        self.assertIsNone(contestant.ready_s([(1.0, "step 0")]))

    def test_warm_up_steps_do_not_count(self):
        found = contestant.result_of([10.0, 11.0, 13.0, 17.0], [], 9.0, 5, batch_size=6)
        self.assertEqual((found["step_s"], found["examples_per_s"], found["start_s"]), ([2.0, 4.0], 2.0, 9.0))

    def test_features_must_be_those_given(self):
        text = "[info] run_qa: Running tokenizer on train dataset: 1,024 examples, 1,024 features, 190,000 tokens in 0.10 s"
        contestant.Runner.check_features(text, {"rows": 1024, "tokens": 190000})
        for work in ({"rows": 1024, "tokens": 190001}, {"rows": 1023, "tokens": 190000}):
            with self.assertRaisesRegex(contestant.NotAvailable, "where .* were given"):
                contestant.Runner.check_features(text, work)
        with self.assertRaises(contestant.NotAvailable):
            contestant.Runner.check_features("", {"rows": 1, "tokens": 1})


class ResultsTest(unittest.TestCase):
    def test_ratios_are_formed_within_a_round(self):
        found = record(tilefit=[10, 20, 30], torch=[5, 4, None])
        self.assertEqual(results.ratios(found, "torch"), [2.0, 5.0])
        self.assertEqual(results.spread(results.column(found["contestants"]["torch"], "examples_per_s")), (4.5, 4, 5))
        self.assertIsNone(results.spread([None]))

    def test_numbers_have_three_digits(self):
        self.assertEqual([results.number(v) for v in (0.1234, 1.2345, 12.345, 123.45, 12345.6)], ["0.12", "1.23", "12.3", "123", "12346"])
        self.assertEqual(results.spread_text([3, 1, 2]), "2.00 (1.00 to 3.00)")
        self.assertEqual(results.spread_text([2e9], 1e9), "2.00")

    def test_rows(self):
        found = record(tilefit=[10, 20, 30], torch=[5, 4, 6], ipex=[])
        table = results.rows(found, "train")
        self.assertEqual(table[1], ["tilefit", "20.0 (10.0 to 30.0)", "", "3.00", "2.00"])
        self.assertEqual(table[2], ["torch", "5.00 (4.00 to 6.00)", "5.00 (2.00 to 5.00)", "3.00", "2.00"])
        self.assertEqual(table[3][1], "not available: no | wheel")
        self.assertEqual(results.rows(found, "infer")[1][4], "300")
        self.assertEqual(results.best_peer(found), "torch")
        self.assertIsNone(results.best_peer(record(tilefit=[1], torch=[None])))

    def test_tables(self):
        table = [["a", "b", "c"], ["long name", "1", "2"], ["x", "not available: a long reason", ""]]
        self.assertEqual(results.text_table(table), "a          b  c\nlong name  1  2\nx          not available: a long reason")
        self.assertEqual(results.markdown_table([["a", "b"], ["1|2", "x\ny"]]), "| a | b |\n|---|---|\n| 1\\|2 | x y |")


class PageTest(unittest.TestCase):
    def test_page_holds_the_numbers_the_reasons_and_the_ways(self):
        entry = {"title": "A title", "task": "train", "tokens_per_example": 174.2, "skipped": None,
                 "record": record(tilefit=[10], torch=[4], ipex=[])}
        raw = {"date": "2026-01-02", "command": "run.py --rounds 1", "rounds": 1, "steps": 2,
               "versions": {"torch": {"torch": "2.x"}, "ipex": "no wheel"},
               "machine": {"cpu": "A CPU", "flags": [], "cores": [0, 1], "logical_cpus": 4, "memory_bytes": 2**34, "kernel": "Linux 6",
                           "tcmalloc": None},
               "settings": {"one": entry, "two": entry | {"skipped": "no bf16"}}}
        text = page.page(raw)
        for expected in ("| one | torch | 4.00 | 10.0 | 2.50 |", "A title; 174 tokens an example.",
                         "| ipex | not available: no \\| wheel |",
                         "Left out: no bf16.", "| CPU | A CPU |", "2 of 4 logical CPUs", "16 GiB", "make bench-peers",
                         "environment ipex | not available: no wheel", "tilefit bench report"):
            self.assertIn(expected, text)
        self.assertTrue(text.isascii())
        self.assertRegex(text, r"[^\n]\n\Z")
        self.assertNotIn("\n\n\n", text)


if __name__ == "__main__":
    unittest.main()
