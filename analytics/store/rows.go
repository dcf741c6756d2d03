package store

import (
	"fmt"
	"math"
	"time"

	"github.com/kunjicloud/kunji/edge/event"
)

// The tables that are inserted into, field by field. The views feed touches and
// campaign_day from events.

var eventTable = table[event.Event]{"events", []column[event.Event]{
	moment("time", func(e *event.Event) time.Time { return e.Time }),
	day("local_day", func(e *event.Event) int32 { return e.LocalDay }),
	term("site", func(e *event.Event) string { return e.Site }),
	term("kind", func(e *event.Event) string { return e.Kind.String() }),
	id("event_id", func(e *event.Event) [16]byte { return e.ID }),
	word("visitor", func(e *event.Event) uint64 { return e.Visitor }),
	word("session", func(e *event.Event) uint64 { return e.Session }),
	term("basis", func(e *event.Event) string { return e.Basis.String() }),
	id("consent_record", func(e *event.Event) [16]byte { return e.Record }),
	boolean("attributed", func(e *event.Event) bool { return e.Attributed }),

	term("source", func(e *event.Event) string { return e.Campaign.Source }),
	term("medium", func(e *event.Event) string { return e.Campaign.Medium }),
	term("campaign", func(e *event.Event) string { return e.Campaign.Name }),
	term("campaign_id", func(e *event.Event) string { return e.Campaign.ID }),
	term("content", func(e *event.Event) string { return e.Campaign.Content }),
	term("term", func(e *event.Event) string { return e.Campaign.Term }),
	term("click_id_kind", func(e *event.Event) string { return e.Campaign.ClickIDKind }),
	term("channel", func(e *event.Event) string { return e.Campaign.Channel }),
	term("referrer_host", func(e *event.Event) string { return e.Campaign.ReferrerHost }),

	term("first_source", func(e *event.Event) string { return e.First.Source }),
	term("first_medium", func(e *event.Event) string { return e.First.Medium }),
	term("first_campaign", func(e *event.Event) string { return e.First.Name }),
	term("first_campaign_id", func(e *event.Event) string { return e.First.ID }),
	term("first_content", func(e *event.Event) string { return e.First.Content }),
	term("first_term", func(e *event.Event) string { return e.First.Term }),
	term("first_click_id_kind", func(e *event.Event) string { return e.First.ClickIDKind }),
	term("first_channel", func(e *event.Event) string { return e.First.Channel }),
	term("first_referrer_host", func(e *event.Event) string { return e.First.ReferrerHost }),

	term("host", func(e *event.Event) string { return e.Host }),
	text("path", func(e *event.Event) string { return e.Path }),
	term("name", func(e *event.Event) string { return e.Name }),
	textMap("props", func(e *event.Event) map[string]string { return e.Props }),
	money("value", func(e *event.Event) event.Amount { return e.Value }),
	term("currency", func(e *event.Event) string { return e.Currency }),
	text("order_id", func(e *event.Event) string { return e.Order }),

	term("country", func(e *event.Event) string { return e.Place.Country }),
	term("region", func(e *event.Event) string { return e.Place.Region }),
	term("isp", func(e *event.Event) string { return e.Place.ISP }),
	term("language", func(e *event.Event) string { return e.Language }),
	term("browser", func(e *event.Event) string { return e.Agent.Browser }),
	term("os", func(e *event.Event) string { return e.Agent.OS }),
	term("device", func(e *event.Event) string { return e.Agent.Device }),
	digit("machine", func(e *event.Event) bool { return e.Agent.Machine }),
	term("machine_reason", func(e *event.Event) string { return e.Agent.MachineReason }),

	word("recipient", func(e *event.Event) uint64 { return e.Recipient }),
	day("keep_until", func(e *event.Event) int32 { return e.KeepUntil }),
}}

var consentTable = table[Entry]{"consents", []column[Entry]{
	term("site", func(c *Entry) string { return c.Site }),
	word("subject", func(c *Entry) uint64 { return c.Subject }),
	moment("time", func(c *Entry) time.Time { return c.Time }),
	id("id", func(c *Entry) [16]byte { return c.ID }),
	id("previous", func(c *Entry) [16]byte { return c.Previous }),
	term("method", func(c *Entry) string { return c.Method }),
	term("surface", func(c *Entry) string { return c.Surface }),
	textList("purposes.name", purposes, func(p *event.PurposeDecision) string { return p.Purpose }),
	halfList("purposes.version", purposes, func(p *event.PurposeDecision) uint32 { return uint32(p.Version) }),
	boolList("purposes.granted", purposes, func(p *event.PurposeDecision) bool { return p.Granted }),
	textList("services.name", services, func(s *event.ServiceDecision) string { return s.Service }),
	boolList("services.granted", services, func(s *event.ServiceDecision) bool { return s.Granted }),
	term("notice_version", func(c *Entry) string { return c.NoticeVersion }),
	digest("notice_hash", func(c *Entry) [32]byte { return c.NoticeHash }),
	term("notice_language", func(c *Entry) string { return c.NoticeLanguage }),
	half("policy_version", func(c *Entry) uint32 { return uint32(c.PolicyVersion) }),
	term("regime", func(c *Entry) string { return c.Regime }),
	term("country", func(c *Entry) string { return c.Country }),
	term("region", func(c *Entry) string { return c.Region }),
	boolean("signal", func(c *Entry) bool { return c.Signal }),
	term("age", func(c *Entry) string { return c.Age }),
	boolean("guardian", func(c *Entry) bool { return c.Guardian }),
	day("keep_until", func(c *Entry) int32 { return c.KeepUntil }),
	boolean("withdraws", func(c *Entry) bool { return c.Withdraws }),
	salt("salt", func(c *Entry) [16]byte { return c.Salt }),
	id("node", func(c *Entry) [16]byte { return c.Node }),
	word("chain_seq", func(c *Entry) uint64 { return c.Seq }),
	digest("commitment", func(c *Entry) [32]byte { return c.Commitment }),
	digest("chain_hash", func(c *Entry) [32]byte { return c.Hash }),
	boolean("erased", func(c *Entry) bool { return c.Erased }),
}}

func purposes(c *Entry) []event.PurposeDecision { return c.Purposes }
func services(c *Entry) []event.ServiceDecision { return c.Services }

var refusalTable = table[event.Refusal]{"refusals", []column[event.Refusal]{
	term("site", func(r *event.Refusal) string { return r.Site }),
	second("hour", func(r *event.Refusal) time.Time { return r.Hour }),
	term("kind", func(r *event.Refusal) string {
		if r.Kind == 0 {
			return ""
		}
		return r.Kind.String()
	}),
	term("reason", func(r *event.Refusal) string { return r.Reason.String() }),
	term("country", func(r *event.Refusal) string { return r.Country }),
	term("device", func(r *event.Refusal) string { return r.Device }),
	word("count", func(r *event.Refusal) uint64 { return uint64(r.Count) }),
}}

var noticeTable = table[event.Notice]{"notices", []column[event.Notice]{
	term("site", func(n *event.Notice) string { return n.Site }),
	day("day", func(n *event.Notice) int32 { return n.Day }),
	term("outcome", func(n *event.Notice) string { return string(n.Outcome) }),
	term("country", func(n *event.Notice) string { return n.Country }),
	term("device", func(n *event.Notice) string { return n.Device }),
	term("language", func(n *event.Notice) string { return n.Language }),
	term("version", func(n *event.Notice) string { return n.Version }),
	word("count", func(n *event.Notice) uint64 { return uint64(n.Count) }),
}}

var wordingTable = table[event.Wording]{"notice_texts", []column[event.Wording]{
	term("site", func(w *event.Wording) string { return w.Site }),
	digest("hash", func(w *event.Wording) [32]byte { return w.Hash }),
	term("language", func(w *event.Wording) string { return w.Language }),
	term("version", func(w *event.Wording) string { return w.Version }),
	text("text", func(w *event.Wording) string { return w.Text }),
}}

var erasureTable = table[event.Erasure]{"erasures", []column[event.Erasure]{
	term("site", func(e *event.Erasure) string { return e.Site }),
	salt("hash", func(e *event.Erasure) [16]byte { return e.Hash }),
	moment("requested", func(e *event.Erasure) time.Time { return e.Requested }),
	term("requested_by", func(e *event.Erasure) string { return string(e.By) }),
	text("subject", func(e *event.Erasure) string { return e.Subject }),
}}

const (
	lastDay   = math.MaxUint16 - 1      // a Date is 16 bits of days, and a row goes on the day after its last: 2149-06-05
	maxAmount = 999_999_999_999_999_999 // Decimal(18, 4)
)

// lastHour is the last one that fits both a DateTime (32 bits of seconds) and
// the month that a row is filed under.
var lastHour = time.Unix(math.MaxUint32, 0)

// Check says why a record could never be stored as it is: a day or time beyond
// what ClickHouse's types hold, or an amount of more than 18 digits. Such a
// record would be altered, or get the whole batch refused.
func Check(r event.Record) error {
	switch {
	case r.Event != nil:
		e := r.Event
		if e.Value > maxAmount || e.Value < -maxAmount {
			return fmt.Errorf("event's value has more than 18 digits: %w", errUnfit)
		}
		return checkTimes("event", e.Time, e.LocalDay, e.KeepUntil)
	case r.Consent != nil:
		return checkTimes("consent", r.Consent.Time, 0, r.Consent.KeepUntil)
	case r.Refusal != nil:
		return checkTimes("refusal", r.Refusal.Hour, 0, 0)
	case r.Notice != nil:
		return checkTimes("notice", time.Unix(0, 0), r.Notice.Day, 0)
	case r.Erasure != nil:
		return checkTimes("erasure", r.Erasure.Requested)
	case r.Statement != nil:
		return checkStatement(r.Statement)
	case r.Wording != nil:
		return nil
	}
	return fmt.Errorf("record is empty: %w", errUnfit)
}

func checkStatement(s *event.Statement) error {
	switch {
	case s.Site == "" || s.Recipient == 0:
		return fmt.Errorf("statement names no site, or no recipient: %w", errUnfit)
	case s.Open|s.Click|s.Counted() == event.Unset:
		return fmt.Errorf("statement says nothing (an unsubscription is taken back only with a proof): %w", errUnfit)
	case s.Open > event.Denied || s.Click > event.Denied || s.All > event.Denied:
		return fmt.Errorf("statement's choices %d, %d and %d are not 0 to 2: %w", s.Open, s.Click, s.All, errUnfit)
	}
	return checkTimes("statement", s.Time)
}

func checkTimes(what string, at time.Time, days ...int32) error {
	if at.Before(time.Unix(0, 0)) || at.After(lastHour) {
		return fmt.Errorf("%s's time %s is not between 1970 and 2106: %w", what, at.UTC().Format(time.RFC3339), errUnfit)
	}
	for _, d := range days {
		if d < 0 || d > lastDay {
			return fmt.Errorf("%s's day %d is not between 1970-01-01 and 2149-06-05: %w", what, d, errUnfit)
		}
	}
	return nil
}
