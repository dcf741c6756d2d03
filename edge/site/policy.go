package site

import "time"

// Material names why a policy version is material: what changed in it that
// visitors must be told of and asked again about (policy 9.3).
type Material string

// The reasons of policy 9.3 that a version can give.
const (
	MaterialService    Material = "service"    // another kind of service, purposes, kinds of data, ways of use
	MaterialControl    Material = "control"    // ownership, merger, bankruptcy: a new controller
	MaterialRecipients Material = "recipients" // whom data is shared with
	MaterialRights     Material = "rights"     // people's rights and how to use them
	MaterialContact    Material = "contact"    // who to ask, where to complain
	MaterialRisk       Material = "risk"       // an assessment found high risk
)

// PolicyText is one version in one language.
type PolicyText struct {
	Language string
	Date     time.Time
	Summary  string // shown in the banner when the version is material
	Markdown []byte // empty for version 1 made from the configuration
}

// PolicyVersion is one version of a site's policy.
type PolicyVersion struct {
	Number   int
	Date     time.Time
	Material []Material // empty: nobody is asked again
	Texts    map[string]PolicyText
}

// Policy is a site's policy: all its versions, oldest first, at least one.
type Policy struct {
	Versions []PolicyVersion
}

// Current returns the newest version.
func (p *Policy) Current() *PolicyVersion { return &p.Versions[len(p.Versions)-1] }

// AskedSince returns the newest material version: a decision made under an
// older one counts as unset.
func (p *Policy) AskedSince() int {
	for i := len(p.Versions) - 1; i > 0; i-- {
		if len(p.Versions[i].Material) > 0 {
			return p.Versions[i].Number
		}
	}
	return p.Versions[0].Number
}

// Version finds a version by its number.
func (p *Policy) Version(n int) (*PolicyVersion, bool) {
	for i := range p.Versions {
		if p.Versions[i].Number == n {
			return &p.Versions[i], true
		}
	}
	return nil, false
}

// FirstPolicy is what a site without policy files has: version 1, whose text
// the policy page makes from the configuration.
func FirstPolicy() *Policy {
	return &Policy{Versions: []PolicyVersion{{Number: 1}}}
}
