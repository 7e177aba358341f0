"""Names of events: whether a name states a fact in the past tense, asks for something, or says that money was given back."""

from __future__ import annotations

import re
from itertools import pairwise

from workshop.notebook.exercises.event_names import is_participle, words

# Participles that do not end in -ed, as far as they are of use in a shop or a bank.
IRREGULAR = re.compile(
    r"begun|bought|brought|built|cut|dealt|done|drawn|felt|forgiven|found|given|gone|got|gotten|gave|held|kept|lent"
    r"|left|lost|made|met|overpaid|paid|put|repaid|reset|rewound|sent|set|sold|spent|struck|taken|took|thrown|told"
    r"|undone|underpaid|unmade|withdrawn|won|written|was|were|rembourse|remboursé|rendu|rendue|restitué|annulé"
)
# Words with which a name asks for something, whatever follows.
IMPERATIVES = re.compile(
    r"cancel|create|do|get|give|issue|make|mark|pay|please|process|put|reimburse|remit|repay|restore|reverse|revert"
    r"|send|set|take|undo|withdraw"
)
# Words that are nouns too: `RefundPayment` asks for something, `RefundMade` states a fact.
ALSO_NOUNS = re.compile(r"charge|credit|debit|deposit|refund|return|transfer")
AHEAD = re.compile(r"can|may|must|shall|should|will")
# What happened may be that somebody asked, or said no: nothing was given back then.
NOT_DONE = re.compile(
    r"announced|asked|declined|denied|failed|initiated|ordered|pended|planned|promised|refused|rejected|requested"
    r"|scheduled|started|submitted|triggered|wanted"
)
# What was done says by itself that money went back to the customer.
GIVES = re.compile(
    r"re?credited|credited|compensated|refunded|reimbursed|repaid|re?crédité(e|s|es)?|rembours(e|é|ée|és|ées)"
    r"|restitué(e|s|es)?|reversed|reverted|undone"
)
# What was done says that money was taken.
TAKES = re.compile(
    r"billed|charged|collected|debited|deducted|invoiced|seized|taken|took|withdrawn|débité(e|s|es)?|encaissé(e|s|es)?"
    r"|facturé(e|s|es)?|prélevé(e|s|es)?"
)
REFUNDS = re.compile(r"chargeback|refund|refunds|reimbursement|remboursement|repayment|restitution|reversal")
# What may be done with a refund so that the money stays where it is.
HELD = re.compile(
    r"accepted|agreed|approved|authorised|authorized|blocked|calculated|canceled|cancelled|delayed|expired|needed|queued"
    r"|returned|reversed|reverted|revoked|stopped|undone|voided|withdrawn"
)
RETURNS = re.compile(r"released|restored|returned|rendu|rendue")
MONEY = re.compile(
    r"amount|argent|balance|cash|cent|cents|charge|debit|fee|funds|money|montant|paiement|payment|price|sum|transaction"
)
GOODS = re.compile(r"article|articles|goods|item|items|order|parcel|product|products|purchase")
CUSTOMER = re.compile(r"account|buyer|card|cardholder|client|customer|holder|owner|payer")
NEGATIONS = re.compile(r"never|no|not|un|without")


def asks(name: str) -> bool:
    """Return whether a name is that of a command: it asks for something that has not happened yet."""
    said = words(name)
    if not said:
        return False
    asking = bool(ALSO_NOUNS.fullmatch(said[0])) and len(said) > 1 and not _done(said)
    ahead = any(map(AHEAD.fullmatch, said)) or ("to", "be") in pairwise(said)
    return bool(IMPERATIVES.fullmatch(said[0])) or ahead or asking


def states(name: str) -> bool:
    """Return whether a name says in the past tense what happened."""
    return not asks(name) and bool(_done(words(name)))


def only_begun(name: str) -> bool:
    """Return whether a name states a step before the fact, such as a request or a refusal."""
    done = _done(words(name))
    return bool(done) and all(NOT_DONE.fullmatch(word) for word in done)


def takes(name: str) -> bool:
    """Return whether a name says that money was taken, and not that it was given back."""
    said = words(name)
    goods = any(map(GOODS.fullmatch, said)) and not any(map(MONEY.fullmatch, said))
    return any(map(TAKES.fullmatch, _done(said))) and not goods and not gives_back(name)


def gives_back(name: str) -> bool:
    """Return whether a name says that money was given back: `PaymentRefunded`, `MoneySentBack`, `RefundPaid`."""
    said = words(name)
    return not any(map(NEGATIONS.fullmatch, said)) and any(_gives_back(done, said) for done in _done(said))


def _gives_back(done: str, said: list[str]) -> bool:
    """Return whether a participle says, with the other words of its name, that money was given back."""
    refund, money, goods = (any(map(kind.fullmatch, said)) for kind in (REFUNDS, MONEY, GOODS))
    if NOT_DONE.fullmatch(done):
        return False
    if refund:
        return not HELD.fullmatch(done) and not TAKES.fullmatch(done)
    if GIVES.fullmatch(done) or (RETURNS.fullmatch(done) and money):
        return True
    if done == "charged":
        return "back" in said
    to_customer = any(first == "to" and CUSTOMER.fullmatch(second) for first, second in pairwise(said))
    return not TAKES.fullmatch(done) and (("back" in said and (money or not goods)) or (to_customer and money))


def _done(said: list[str]) -> list[str]:
    return [word for word in said if is_participle(word, IRREGULAR)]
