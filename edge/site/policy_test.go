package site

import (
	"testing"
	"time"
)

// TestPolicy_9_1_OnlyMaterialVersionsAskAgain: the newest material version is
// the oldest under which a decision still counts.
func TestPolicy_9_1_OnlyMaterialVersionsAskAgain(t *testing.T) {
	recipients := []Material{MaterialRecipients}
	v := func(number int, material ...Material) PolicyVersion {
		return PolicyVersion{Number: number, Material: material}
	}
	cases := []struct {
		name     string
		versions []PolicyVersion
		want     int
	}{
		{"one", []PolicyVersion{v(1)}, 1},
		{"one, material", []PolicyVersion{v(1, recipients...)}, 1},
		{"small changes", []PolicyVersion{v(1), v(2), v(3)}, 1},
		{"the newest is material", []PolicyVersion{v(1), v(2, MaterialControl)}, 2},
		{"an earlier one is", []PolicyVersion{v(1), v(2, MaterialRisk), v(3), v(4)}, 2},
		{"two are", []PolicyVersion{v(1), v(2, MaterialRights), v(3), v(4, MaterialService, MaterialContact), v(5)}, 4},
		{"numbers with gaps", []PolicyVersion{v(3), v(7, recipients...), v(20)}, 7},
		{"the first kept is not the first", []PolicyVersion{v(5), v(6)}, 5},
	}
	for _, c := range cases {
		p := &Policy{Versions: c.versions}
		if got := p.AskedSince(); got != c.want {
			t.Errorf("%s: asked since %d, want %d", c.name, got, c.want)
		}
		if got := p.Current().Number; got != c.versions[len(c.versions)-1].Number {
			t.Errorf("%s: current is %d", c.name, got)
		}
	}
}

func TestPolicyVersion(t *testing.T) {
	p := &Policy{Versions: []PolicyVersion{{Number: 2}, {Number: 5}}}
	for n, want := range map[int]bool{0: false, 1: false, 2: true, 3: false, 5: true, 6: false} {
		if v, ok := p.Version(n); ok != want || ok && v.Number != n {
			t.Errorf("Version(%d) = %v, %t", n, v, ok)
		}
	}
	if first := FirstPolicy(); first.Current().Number != 1 || first.AskedSince() != 1 {
		t.Error("a site without policy files does not have version 1")
	}
}

// TestAskedFrom: a day begins in the site's zone, and who agreed before a policy
// was written agreed to the first one.
func TestAskedFrom(t *testing.T) {
	zone := time.FixedZone("CST", 8*3600)
	v := func(number, day int, material ...Material) PolicyVersion {
		return PolicyVersion{Number: number, Date: time.Date(2026, 11, day, 0, 0, 0, 0, time.UTC), Material: material}
	}
	for _, c := range []struct {
		versions []PolicyVersion
		want     time.Time
	}{
		{FirstPolicy().Versions, time.Time{}},
		{[]PolicyVersion{v(1, 2, MaterialRisk)}, time.Time{}},
		{[]PolicyVersion{v(1, 2), v(2, 5)}, time.Time{}},
		{[]PolicyVersion{v(1, 2), v(2, 5, MaterialControl), v(3, 9)}, time.Date(2026, 11, 5, 0, 0, 0, 0, zone)},
		{[]PolicyVersion{v(4, 7), v(5, 9)}, time.Date(2026, 11, 7, 0, 0, 0, 0, zone)}, // the older ones are not kept
	} {
		s := &Site{Zone: zone, Policy: &Policy{Versions: c.versions}}
		if got := s.AskedFrom(); !got.Equal(c.want) {
			t.Errorf("%+v: %s, want %s", c.versions, got, c.want)
		}
	}
}
