package event

// Reason is why a hit was refused, from a closed set: every refusal has one,
// and a counter by it.
type Reason uint8

// The reasons. None means: not refused.
const (
	None Reason = iota
	NoConsent
	GPC
	Withdrawal
	PolicyOutdated
	Expired
	BadSignature
	Minor
	SiteStopped
	UnknownSite
	WrongOrigin
	CrossBorder
	Unsubscribed
	Invalid
	RateLimited
	Overloaded

	numReasons
)

var reasonNames = [numReasons]string{
	"", "no_consent", "gpc", "withdrawn", "policy_outdated", "expired", "bad_signature", "minor",
	"site_stopped", "unknown_site", "wrong_origin", "cross_border", "unsubscribed", "invalid", "rate_limited", "overloaded",
}

// String returns the reason's name in answers, counters and reports.
func (r Reason) String() string {
	if r < numReasons {
		return reasonNames[r]
	}
	return "unknown"
}

// Reasons lists every reason.
func Reasons() []Reason {
	all := make([]Reason, 0, numReasons-1)
	for r := NoConsent; r < numReasons; r++ {
		all = append(all, r)
	}
	return all
}
