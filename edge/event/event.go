package event

import (
	"fmt"
	"time"
)

// Kind is what sort of thing happened.
type Kind uint8

// The kinds of events.
const (
	PageView Kind = iota + 1
	Custom
	Visit // the start of a session; only this makes a touch
	Impression
	Click
	Conversion
	Refund
	MailOpen
	MailClick
)

var kindNames = [...]string{"", "page_view", "custom", "visit", "impression", "click", "conversion", "refund", "mail_open", "mail_click"}

// Kinds lists every kind.
func Kinds() []Kind {
	return []Kind{PageView, Custom, Visit, Impression, Click, Conversion, Refund, MailOpen, MailClick}
}

// String returns the kind's name in requests and in ClickHouse.
func (k Kind) String() string {
	if k >= 1 && int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// ParseKind finds a kind by its name.
func ParseKind(name string) (Kind, error) {
	for i, n := range kindNames {
		if i > 0 && n == name {
			return Kind(i), nil
		}
	}
	return 0, fmt.Errorf("unknown kind %q", name)
}

// Basis says on what ground an event is kept.
type Basis uint8

// The grounds. A join by basis finds no event without a record that grants it.
const (
	BasisRecord Basis = iota + 1 // a visitor's consent record
	BasisMail                    // a recipient's mail consent
	BasisOptOut                  // a place where the law lets a site count until told not to
)

// String returns the ground's name in ClickHouse.
func (b Basis) String() string {
	switch b {
	case BasisRecord:
		return "record"
	case BasisMail:
		return "mail"
	case BasisOptOut:
		return "opt_out"
	}
	return ""
}

// Campaign is where a visit came from, as its session's start saw it.
// All fields are empty without consent to marketing.
type Campaign struct {
	Source, Medium, Name, Content, Term, ID string
	ClickIDKind                             string // gclid, fbclid …; never the click id itself
	Channel                                 string
	ReferrerHost                            string // lower case, www. kept
}

// Place is where a hit came from. The address it was found by is gone.
type Place struct {
	Country string // ISO 3166-1 alpha-2
	Region  string // ISO 3166-2, such as US-CA
	ISP     string
}

// Agent is what a hit was made with; families, never versions.
type Agent struct {
	Browser, OS, Device string
	Machine             bool
	MachineReason       string
}

// Decimals is by how many digits an Amount is shifted.
const Decimals = 4

// Amount is money in ten-thousandths of its currency's unit: 12.5 CNY is 125000.
type Amount int64

// Event is one thing that happened and may be kept.
type Event struct {
	Time     time.Time // UTC, milliseconds
	LocalDay int32     // days since 1970-01-01 in the site's zone
	Site     string
	Kind     Kind
	ID       [16]byte // the client's id hashed, or random
	Visitor  uint64   // 0: none
	Session  uint64   // 0: none
	Basis    Basis
	Record   [16]byte // the consent record; zero without one
	// Attributed is true when marketing was granted. Without it Campaign and
	// First are empty and reports say "not consented", never "Direct".
	Attributed bool
	Campaign   Campaign
	First      Campaign // the visitor's first source; only on visit events
	Host       string
	Path       string // no query, no fragment, redacted
	Name       string
	Props      map[string]string
	Value      Amount
	Currency   string
	Order      string
	Place      Place
	Language   string
	Agent      Agent
	Recipient  uint64 // only in mail rows, where Visitor and Session are 0
	KeepUntil  int32  // days since 1970-01-01; the row's last day
}

// Refusal counts refused hits of one sort in one hour (UTC).
type Refusal struct {
	Site    string
	Hour    time.Time
	Kind    Kind // 0 where the hit named none
	Reason  Reason
	Country string
	Device  string
	Count   uint32
}

// Outcome is what became of a banner.
type Outcome string

// The outcomes; ignored is shown less the others.
const (
	Shown     Outcome = "shown"
	Accepted  Outcome = "accepted"
	Rejected  Outcome = "rejected"
	Saved     Outcome = "saved"
	Withdrawn Outcome = "withdrawn"
	Signalled Outcome = "gpc"
)

// Notice counts banner views and choices of one sort in one day.
type Notice struct {
	Site     string
	Day      int32 // days since 1970-01-01 in the site's zone
	Outcome  Outcome
	Country  string
	Device   string
	Language string
	Version  string // the banner's
	Count    uint32
}

// Consent is one decision as the ledger keeps it, with the fields of ISO/IEC
// TS 27560 that a site's own settings do not already say. A decision that
// grants nothing has no ID, no Subject, and its Time is rounded to the hour.
type Consent struct {
	ID             [16]byte
	Previous       [16]byte // the record that this one changes
	Withdraws      bool     // it takes back something that Previous granted: Previous never counts again
	Subject        uint64   // the visitor; 0 without a grant
	Salt           [16]byte // random, made with the record: the ledger keeps a hash of Subject under it; zero where Subject is 0
	Site           string
	Time           time.Time
	Method         string // accept_all, reject_all, save, withdraw, gpc
	Surface        string // banner, preferences, choices, placeholder, api
	Purposes       []PurposeDecision
	Services       []ServiceDecision
	NoticeVersion  string
	NoticeHash     [32]byte // SHA-256 of the exact wording shown
	NoticeLanguage string
	PolicyVersion  int
	Regime         string
	Country        string
	Region         string
	Signal         bool   // Sec-GPC: 1 was sent
	Age            string // adult, minor, unanswered, or empty where not asked
	Guardian       bool
	KeepUntil      int32
}

// PurposeDecision is what was decided about one version of one purpose.
type PurposeDecision struct {
	Purpose string
	Version int
	Granted bool
}

// ServiceDecision is what was decided about one service.
type ServiceDecision struct {
	Service string
	Granted bool
}

// Requester is who asked for an erasure.
type Requester string

// The requesters.
const (
	ByVisitor   Requester = "visitor"
	ByRecipient Requester = "recipient"
	ByOperator  Requester = "operator"
)

// Erasure is a tombstone: everything that the site keeps about one visitor or
// recipient, from before Requested, is to be erased, and stays erased when a
// backup is restored (policy 5.3).
type Erasure struct {
	Site      string
	Hash      [16]byte // of the id, under a key of the site: identity.Ring.SubjectHash
	Subject   string   // the id, sealed: only a node with the key ring can read it
	Requested time.Time
	By        Requester
}

// Wording is a text that decisions refer to by its hash, kept so that what was
// agreed to can be shown again (GDPR Art. 7(1)).
type Wording struct {
	Site     string
	Hash     [32]byte // SHA-256 of Text
	Language string
	Version  string // the banner's, as in Consent.NoticeVersion
	Text     string
}

// Choice is what a mail recipient said about one purpose. Unset leaves what was
// said before.
type Choice uint8

// The choices.
const (
	Unset Choice = iota
	Granted
	Denied
)

// Statement is what a mail recipient said at one moment, or what somebody says
// that they said. For each of its three choices the newest statement counts, and
// a denial among those of one second.
type Statement struct {
	Site      string
	Recipient uint64    // the site's keyed hash of the mail address
	Time      time.Time // when it was said, in whole seconds
	Open      Choice    // about mail_open: being seen to open mail
	Click     Choice    // about mail_click: being seen to follow its links
	All       Choice    // about mail as such: Denied is an unsubscription
	By        string    // who says so: recipient, operator, or "token NAME"
	Proof     string    // what shows it; empty: nothing does
	Sealed    string    // the sender's ref and list, sealed by the key ring
}

// Counted is All as it counts: without a proof nothing takes an unsubscription
// back.
func (s *Statement) Counted() Choice {
	if s.All == Granted && s.Proof == "" {
		return Unset
	}
	return s.All
}

// ByThemselves is Statement.By where the recipient's own token said so.
const ByThemselves = "recipient"

// Record is one of the seven types: exactly one field is set.
type Record struct {
	Event   *Event
	Consent *Consent
	Refusal *Refusal
	Notice  *Notice
	Erasure *Erasure
	Wording *Wording
	// Statement is a mail recipient's.
	Statement *Statement
}
