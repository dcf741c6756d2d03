package enrich

import "math/bits"

// clickIDs are the parameters that advertising platforms add to links, and the
// platform of each; paid is false where the platform adds it to unpaid links too.
// Only the name is ever kept: the value is the platform's identifier of a person's
// click. The order is that of precedence.
var clickIDs = [...]struct {
	name string
	by   string
	paid bool
}{
	{"gclid", "google", true},
	{"gbraid", "google", true}, // app to web on iOS
	{"wbraid", "google", true}, // web to app on iOS
	{"msclkid", "bing", true},
	{"bd_vid", "baidu", true},
	{"qz_gdt", "tencent", true},
	{"ttclid", "tiktok", true},
	{"twclid", "x", true},
	{"li_fat_id", "linkedin", true},
	{"fbclid", "facebook", false},
}

// clickID is an index into clickIDs, or noClickID.
type clickID int

const noClickID clickID = -1

func (id clickID) String() string {
	if id == noClickID {
		return ""
	}
	return clickIDs[id].name
}

func (id clickID) paid() bool { return id != noClickID && clickIDs[id].paid }

func (id clickID) platform() platform { return platformOfName(clickIDs[id].by) }

// clickIDSet has bit i for clickIDs[i].
type clickIDSet uint16

// first is the click id of highest precedence; the set must not be empty.
func (set clickIDSet) first() clickID { return clickID(bits.TrailingZeros16(uint16(set))) }

// of gives the first click id that belongs to the platform by, or else the first
// one at all, and whether it belongs.
func (set clickIDSet) of(by platform) (id clickID, fits bool) {
	if set == 0 {
		return noClickID, false
	}
	for id := range clickIDs {
		if set&(1<<id) != 0 && by.takes(clickIDs[id].by) {
			return clickID(id), true
		}
	}
	return set.first(), false
}
