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
	moment("time", milliseconds, func(e *event.Event) time.Time { return e.Time }),
	day("local_day", func(e *event.Event) int32 { return e.LocalDay }),
	text("site", func(e *event.Event) string { return e.Site }),
	text("kind", func(e *event.Event) string { return e.Kind.String() }),
	id("event_id", func(e *event.Event) [16]byte { return e.ID }),
	word("visitor", func(e *event.Event) uint64 { return e.Visitor }),
	word("session", func(e *event.Event) uint64 { return e.Session }),
	text("basis", func(e *event.Event) string { return e.Basis.String() }),
	id("consent_record", func(e *event.Event) [16]byte { return e.Record }),
	boolean("attributed", func(e *event.Event) bool { return e.Attributed }),

	text("source", func(e *event.Event) string { return e.Campaign.Source }),
	text("medium", func(e *event.Event) string { return e.Campaign.Medium }),
	text("campaign", func(e *event.Event) string { return e.Campaign.Name }),
	text("campaign_id", func(e *event.Event) string { return e.Campaign.ID }),
	text("content", func(e *event.Event) string { return e.Campaign.Content }),
	text("term", func(e *event.Event) string { return e.Campaign.Term }),
	text("click_id_kind", func(e *event.Event) string { return e.Campaign.ClickIDKind }),
	text("channel", func(e *event.Event) string { return e.Campaign.Channel }),
	text("referrer_host", func(e *event.Event) string { return e.Campaign.ReferrerHost }),

	text("first_source", func(e *event.Event) string { return e.First.Source }),
	text("first_medium", func(e *event.Event) string { return e.First.Medium }),
	text("first_campaign", func(e *event.Event) string { return e.First.Name }),
	text("first_campaign_id", func(e *event.Event) string { return e.First.ID }),
	text("first_content", func(e *event.Event) string { return e.First.Content }),
	text("first_term", func(e *event.Event) string { return e.First.Term }),
	text("first_click_id_kind", func(e *event.Event) string { return e.First.ClickIDKind }),
	text("first_channel", func(e *event.Event) string { return e.First.Channel }),
	text("first_referrer_host", func(e *event.Event) string { return e.First.ReferrerHost }),

	text("host", func(e *event.Event) string { return e.Host }),
	text("path", func(e *event.Event) string { return e.Path }),
	text("name", func(e *event.Event) string { return e.Name }),
	textMap("props", func(e *event.Event) map[string]string { return e.Props }),
	money("value", func(e *event.Event) event.Amount { return e.Value }),
	text("currency", func(e *event.Event) string { return e.Currency }),
	text("order_id", func(e *event.Event) string { return e.Order }),

	text("country", func(e *event.Event) string { return e.Place.Country }),
	text("region", func(e *event.Event) string { return e.Place.Region }),
	text("isp", func(e *event.Event) string { return e.Place.ISP }),
	text("language", func(e *event.Event) string { return e.Language }),
	text("browser", func(e *event.Event) string { return e.Agent.Browser }),
	text("os", func(e *event.Event) string { return e.Agent.OS }),
	text("device", func(e *event.Event) string { return e.Agent.Device }),
	bool01("machine", func(e *event.Event) bool { return e.Agent.Machine }),
	text("machine_reason", func(e *event.Event) string { return e.Agent.MachineReason }),

	word("recipient", func(e *event.Event) uint64 { return e.Recipient }),
	day("keep_until", func(e *event.Event) int32 { return e.KeepUntil }),
}}

var consentTable = table[event.Consent]{"consents", []column[event.Consent]{
	text("site", func(c *event.Consent) string { return c.Site }),
	word("subject", func(c *event.Consent) uint64 { return c.Subject }),
	moment("time", milliseconds, func(c *event.Consent) time.Time { return c.Time }),
	id("id", func(c *event.Consent) [16]byte { return c.ID }),
	id("previous", func(c *event.Consent) [16]byte { return c.Previous }),
	text("method", func(c *event.Consent) string { return c.Method }),
	text("surface", func(c *event.Consent) string { return c.Surface }),
	textList("purposes.name", purposes, func(p *event.PurposeDecision) string { return p.Purpose }),
	halfList("purposes.version", purposes, func(p *event.PurposeDecision) uint32 { return uint32(p.Version) }),
	boolList("purposes.granted", purposes, func(p *event.PurposeDecision) bool { return p.Granted }),
	textList("services.name", services, func(s *event.ServiceDecision) string { return s.Service }),
	boolList("services.granted", services, func(s *event.ServiceDecision) bool { return s.Granted }),
	text("notice_version", func(c *event.Consent) string { return c.NoticeVersion }),
	{"notice_hash", "FixedString(32)", text("", func(c *event.Consent) string { return string(c.NoticeHash[:]) }).put},
	text("notice_language", func(c *event.Consent) string { return c.NoticeLanguage }),
	half("policy_version", func(c *event.Consent) uint32 { return uint32(c.PolicyVersion) }),
	text("regime", func(c *event.Consent) string { return c.Regime }),
	text("country", func(c *event.Consent) string { return c.Country }),
	text("region", func(c *event.Consent) string { return c.Region }),
	boolean("signal", func(c *event.Consent) bool { return c.Signal }),
	text("age", func(c *event.Consent) string { return c.Age }),
	boolean("guardian", func(c *event.Consent) bool { return c.Guardian }),
	day("keep_until", func(c *event.Consent) int32 { return c.KeepUntil }),
}}

func purposes(c *event.Consent) []event.PurposeDecision { return c.Purposes }
func services(c *event.Consent) []event.ServiceDecision { return c.Services }

var refusalTable = table[event.Refusal]{"refusals", []column[event.Refusal]{
	text("site", func(r *event.Refusal) string { return r.Site }),
	moment("hour", seconds, func(r *event.Refusal) time.Time { return r.Hour }),
	text("kind", func(r *event.Refusal) string {
		if r.Kind == 0 {
			return ""
		}
		return r.Kind.String()
	}),
	text("reason", func(r *event.Refusal) string { return r.Reason.String() }),
	text("country", func(r *event.Refusal) string { return r.Country }),
	text("device", func(r *event.Refusal) string { return r.Device }),
	word("count", func(r *event.Refusal) uint64 { return uint64(r.Count) }),
}}

var noticeTable = table[event.Notice]{"notices", []column[event.Notice]{
	text("site", func(n *event.Notice) string { return n.Site }),
	day("day", func(n *event.Notice) int32 { return n.Day }),
	text("outcome", func(n *event.Notice) string { return string(n.Outcome) }),
	text("country", func(n *event.Notice) string { return n.Country }),
	text("device", func(n *event.Notice) string { return n.Device }),
	text("language", func(n *event.Notice) string { return n.Language }),
	text("version", func(n *event.Notice) string { return n.Version }),
	word("count", func(n *event.Notice) uint64 { return uint64(n.Count) }),
}}

const (
	lastDay   = math.MaxUint16          // a Date is 16 bits of days: 2149-06-06
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
	}
	return fmt.Errorf("record is empty: %w", errUnfit)
}

func checkTimes(what string, at time.Time, days ...int32) error {
	if at.Before(time.Unix(0, 0)) || at.After(lastHour) {
		return fmt.Errorf("%s's time %s is not between 1970 and 2106: %w", what, at.UTC().Format(time.RFC3339), errUnfit)
	}
	for _, d := range days {
		if d < 0 || d > lastDay {
			return fmt.Errorf("%s's day %d is not between 1970-01-01 and 2149-06-06: %w", what, d, errUnfit)
		}
	}
	return nil
}
