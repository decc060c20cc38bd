# SPDX-License-Identifier: GPL-2.0
"""The mutants of a C source: copies with one small change, of the kinds of mistakes people make.

The source is cut into tokens, not parsed: comments, strings and preprocessor lines are left
alone, and so is what only tells of trouble (assertions, logs, texts of refusals).
"""

import collections
import re

Token = collections.namedtuple("Token", "text start end")

SKIPPED = r"^[ \t]*\#(?:\\\n|/\*.*?\*/|[^\n])*|\s+|//[^\n]*|/\*.*?\*/"
TOKENS = (r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|\w+|->|\+\+|--|<<=|>>=|<<|>>"
          r"|[-+*/%&|^<>=!]=|&&|\|\||.")
TOKEN = re.compile(f"(?:{SKIPPED})|({TOKENS})", re.S | re.M)

TELLS = re.compile(r"(WARN|BUG|BUILD_BUG|lockdep_|log_|pr_|printk|static_assert|refuse)")
SYNCS = re.compile(r"flush|kick|request|barrier|smp_[rw]?mb")
SETS = re.compile(r"(__)?(test_and_)?(set|clear)_bit|WRITE_ONCE|atomic_\w+")
LOCKS = re.compile(r"lock|kfree|preempt|irq_(enable|disable)|srcu|rcu_")
ASSIGNS = ("=", "|=", "&=", "+=", "-=", "^=", "<<=", ">>=")
BOUNDS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
# What an operand of the operator ends at, beside brackets.
ENDS = (";", ",", "?", ":", "return", "case") + ASSIGNS
OPERAND_ENDS = {"||": ENDS + ("||",), "&&": ENDS + ("||", "&&"), "|": ENDS + ("||", "&&", "|")}


class Mutant:
    """One change: name is FILE:FUNCTION:KIND:N, the Nth of its kind in the function."""

    def __init__(self, source, function, kind, start, end, new):
        self.file, self.text = source.file, source.text
        self.function, self.kind = function, kind
        self.start, self.end = start, end
        old = self.text[start:end]
        # As many lines as before: a line number in the object is not a change.
        self.new = new + "\n" * (old.count("\n") - new.count("\n"))
        self.line = self.text.count("\n", 0, start) + 1
        self.name = None

    def diff(self):
        """What an entry in `equivalent` repeats: the changed lines, old and new, in one line."""
        first = self.text.rfind("\n", 0, self.start) + 1
        last = self.text.find("\n", self.end)
        before, after = self.text[first:self.start], self.text[self.end:last]
        return " ".join(f"{before}{self.text[self.start:self.end]}{after} => {before}{self.new}{after}".split())

    def mutated(self):
        return self.text[:self.start] + self.new + self.text[self.end:]


class Source:
    def __init__(self, file, text):
        self.file, self.text = file, text
        self.tokens = [Token(m[1], m.start(1), m.end(1)) for m in TOKEN.finditer(text) if m[1]]
        self.partner, self.within = {}, {}	# of brackets; the bracket a token stands in
        self.left_out = set()
        stack = []
        for i, token in enumerate(self.tokens):
            if token.text in ")]}" and stack:
                self.partner[i] = stack.pop()
                self.partner[self.partner[i]] = i
            self.within[i] = stack[-1] if stack else None
            if token.text in "([{":
                stack.append(i)

    def is_(self, i, *texts):
        return i is not None and 0 <= i < len(self.tokens) and self.tokens[i].text in texts

    def span(self, first, last):
        return self.text[self.tokens[first].start:self.tokens[last].end]

    def regions(self):
        """(name, is code, first token, last token) of functions, rules of VM entry, and tables."""
        i = 0
        while i < len(self.tokens):
            if self.is_(i, "RULE") and self.is_(i + 1, "("):
                yield self.tokens[i + 2].text, True, i + 1, self.partner[i + 1]
            elif self.is_(i, "{") and self.is_(i - 1, ")"):
                name = self.partner[i - 1] - 1
                while self.is_(name - 1, ")"):	# an annotation like __releases(lock)
                    name = self.partner[name - 1] - 1
                yield self.tokens[name].text, True, i, self.partner[i]
            elif self.is_(i, "{") and self.is_(i - 1, "="):
                name = i - 2
                while self.is_(name, "]"):
                    name = self.partner[name] - 1
                yield self.tokens[name].text, False, i, self.partner[i]
            i = self.partner.get(i, i) + 1 if self.is_(i, "(", "{", "[") else i + 1

    def statement_end(self, i):
        """None in the braces of an initialiser."""
        if self.is_(i, "{"):
            return self.partner[i]
        if self.is_(i, "if", "while", "for", "switch"):
            end = self.statement_end(self.partner[i + 1] + 1)
            return self.statement_end(end + 2) if self.is_(end + 1, "else") else end
        while not self.is_(i, ";"):
            if self.is_(i, "}"):
                return None
            i = self.partner[i] + 1 if self.is_(i, "(", "[", "{") else i + 1
        return i

    def leave_out(self, first, last):
        for i in range(first, last):
            if not self.is_(i + 1, "("):
                continue
            if TELLS.match(self.tokens[i].text):
                self.left_out.update(range(i, self.partner[i + 1] + 1))
            elif self.is_(i, "if") and "MINIVMM_DEBUG" in self.span(i, self.partner[i + 1]):
                self.left_out.update(range(i, self.statement_end(i) + 1))

    def begins_statement(self, i):
        if self.is_(i, "}", ";") or not self.is_(self.within[i], "{") or self.statement_end(i) is None:
            return False
        if self.is_(i - 1, ")"):
            return self.is_(self.partner[i - 1] - 1, "if", "while", "for", "switch")
        return self.is_(i - 1, ";", "{", "}", "else", "do")

    def called(self, i):
        """The name of what the statement at i calls, if that is all it does."""
        j = i + 1
        if not re.match(r"[A-Za-z_]", self.tokens[i].text) or not self.is_(j, "("):
            return None
        while self.is_(j, "("):
            name, j = self.span(i, j - 1), self.partner[j] + 1
        return name if self.is_(j, ";") and not self.is_(i, "if", "while", "for", "switch") else None

    def operand(self, i, step):
        """The far end of the operand before (step -1) or after (1) the operator at i."""
        ends = OPERAND_ENDS[self.tokens[i].text] + (("(", "[", "{") if step < 0 else (")", "]", "}"))
        j = i + step
        while not self.is_(j, *ends):
            j = self.partner.get(j, j) + step
        return j - step

    def dropped_operands(self, i):
        """(first token, last token) of what goes with either operand; the left one if it is the first."""
        first, last = self.operand(i, -1), self.operand(i, 1)
        if first == i or last == i:
            return
        if not self.is_(first - 1, self.tokens[i].text):
            yield first, i
        yield i, last

    def token_changes(self, i, is_code):
        token = self.tokens[i]
        if token.text in ("&&", "||", "|") and (is_code or token.text == "|"):
            for first, last in self.dropped_operands(i):
                yield "mask" if token.text == "|" else "term", first, last, ""
        if is_code and token.text in BOUNDS:
            yield "bound", i, i, BOUNDS[token.text]
        if is_code and token.text == "if":
            end = self.partner[i + 1]
            yield "negate", i + 1, end, f"(!{self.span(i + 1, end)})"

    def is_error_path(self, i):
        """Does the statement at i only return an error, or go to where one is cleaned up after?"""
        body = self.partner[i + 1] + 1
        end = self.statement_end(body)
        if self.is_(end + 1, "else"):
            return False
        if self.is_(body, "goto"):
            return True
        condition = [token.text for token in self.tokens[i + 2:body - 1]]
        given = self.tokens[body + 1].text
        return self.is_(body, "return") and (
            (given == "-" and self.tokens[body + 2].text.startswith("E")) or given.startswith("refuse") or
            (end == body + 2 and given in condition and given not in ("NULL", "0")))

    def sets_flag(self, i, end):
        assign = next((j for j in range(i, end) if self.is_(j, *ASSIGNS)), None)
        if assign is None or not re.search(r"->|\.|\[|^\*", self.span(i, assign)):
            return False
        return self.is_(assign, "|=", "&=") or (
            end == assign + 2 and self.is_(assign + 1, "true", "false", "0", "NULL"))

    def statement_changes(self, i):
        end, name = self.statement_end(i), self.called(i)
        if self.is_(i, "if") and self.is_error_path(i):
            yield "error", i, end, ";"
        elif name and SYNCS.search(name):
            yield "call", i, end, ";"
        elif name and SETS.fullmatch(self.tokens[i].text) or not name and self.sets_flag(i, end):
            yield "flag", i, end, ";"
        after = self.begins_statement(end + 1) and self.called(end + 1)
        if name and after and name != after and self.is_(i - 1, ";", "{", "}") and not any(
                LOCKS.search(each) or TELLS.match(each) for each in (name, after)):
            last = self.statement_end(end + 1)
            yield "swap", i, last, self.span(end + 1, last) + " " + self.span(i, end)

    def mutants(self):
        counts = collections.Counter()
        for function, is_code, first, last in self.regions():
            self.leave_out(first, last)
            for i in range(first + 1, last):
                if i in self.left_out:
                    continue
                changes = list(self.token_changes(i, is_code))
                if is_code and self.begins_statement(i):
                    changes += self.statement_changes(i)
                for kind, start, end, new in changes:
                    mutant = Mutant(self, function, kind, self.tokens[start].start, self.tokens[end].end, new)
                    counts[function, kind] += 1
                    mutant.name = f"{self.file}:{function}:{kind}:{counts[function, kind]}"
                    yield mutant
