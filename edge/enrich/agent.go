package enrich

import (
	"hash/maphash"
	"sync/atomic"
	"unsafe"

	"github.com/medama-io/go-useragent"
	"github.com/medama-io/go-useragent/agents"
	"zgo.at/isbot"
)

// maxAgent is how much of a user agent is looked at. Real ones have at most about
// 400 bytes; what stands behind that belongs to apps, and the cap bounds the work.
const maxAgent = 512

// Device classes.
const (
	DeviceMobile  = "mobile"
	DeviceTablet  = "tablet"
	DeviceDesktop = "desktop"
	DeviceTV      = "tv"
	DeviceOther   = "other" // consoles, watches, cars, and what cannot be told
)

// Reasons for calling an agent a machine. The set is closed.
const (
	MachineHeadless  = "headless"  // a browser driven by a program
	MachineCrawler   = "crawler"   // search engines, AI and SEO crawlers, archives
	MachinePreview   = "preview"   // link previews of messengers and networks
	MachineLibrary   = "library"   // an HTTP library or command-line client
	MachineMonitor   = "monitor"   // uptime and speed checks
	MachineScanner   = "scanner"   // looks for holes, or scans mail for threats
	MachineMalformed = "malformed" // no browser writes such an agent
	MachineEmpty     = "empty"     // no agent at all
)

// Agent is what is kept of a user agent: families and classes out of closed sets,
// no version and no model, so that it does not tell people apart.
type Agent struct {
	Browser       string // family: "Chrome", "Safari", "WeChat"; "" when unknown
	OS            string // family: "Windows", "iOS", "HarmonyOS"; "" when unknown
	Device        string // one of the device classes
	Machine       bool
	MachineReason string // one of the reasons, "" for people
}

// agentCacheSlots is the size of the direct-mapped cache in front of the parser: a
// few thousand different agents make up nearly all traffic. With its records it
// stays below 1 MiB, however many agents there are.
const (
	agentCacheBits  = 12
	agentCacheSlots = 1 << agentCacheBits
)

// Agents reads user agents. Create it once with NewAgents; it may be used by many
// goroutines at the same time.
//
// The cache knows an agent only by a 128-bit hash with a key of this process: no
// user agent is kept, and nobody can choose agents that collide.
type Agents struct {
	parser *useragent.Parser
	signs  *signIndex
	seeds  [2]maphash.Seed
	cache  [agentCacheSlots]atomic.Pointer[agentRecord]
}

type agentRecord struct {
	hash  [2]uint64
	agent Agent
}

// NewAgents builds the parser's tables (some milliseconds).
func NewAgents() *Agents {
	return &Agents{
		parser: useragent.NewParser(),
		signs: newSignIndex([signLists][]sign{
			signsOfBrowser: browserSigns,
			signsOfSystem:  systemSigns,
			signsOfDevice:  deviceSigns,
			signsOfMachine: machineSigns,
		}),
		seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
	}
}

// Parse reads a User-Agent header. It keeps no reference to ua.
func (a *Agents) Parse(ua []byte) Agent {
	if len(ua) > maxAgent {
		ua = ua[:maxAgent]
	}
	hash := [2]uint64{maphash.Bytes(a.seeds[0], ua), maphash.Bytes(a.seeds[1], ua)}
	slot := &a.cache[hash[0]%agentCacheSlots]
	if record := slot.Load(); record != nil && record.hash == hash {
		return record.agent
	}
	agent := a.parse(ua)
	slot.Store(&agentRecord{hash: hash, agent: agent})
	return agent
}

// parse asks our own lists first, then the libraries.
func (a *Agents) parse(ua []byte) Agent {
	var buffer [maxAgent]byte
	lower := lowered(buffer[:0], ua)
	// The libraries take strings and keep none: no copy is needed.
	text := unsafe.String(unsafe.SliceData(ua), len(ua))
	parsed := a.parser.Parse(text)

	signed := a.signs.find(lower)
	agent := Agent{
		Browser:       browserFamily(lower, signed[signsOfBrowser], parsed.Browser()),
		OS:            signed[signsOfSystem],
		MachineReason: machineReason(lower, signed[signsOfMachine]),
	}
	if agent.OS == "" {
		agent.OS = string(parsed.OS())
	}
	agent.Device = deviceClass(lower, signed[signsOfDevice], parsed.Device(), agent.OS)
	if agent.MachineReason == "" {
		agent.MachineReason = libraryReason(text, parsed.Device())
	}
	agent.Machine = agent.MachineReason != ""
	return agent
}

// libraryReason asks isbot and go-useragent.
func libraryReason(text string, device agents.Device) string {
	switch isbot.UserAgent(text) {
	case isbot.BotShort:
		return MachineMalformed
	case isbot.BotClientLibrary:
		return MachineLibrary
	case isbot.BotLink, isbot.BotKnownBot, isbot.BotBoty:
		return MachineCrawler
	case isbot.NoBotKnown:
		return ""
	}
	if device == agents.DeviceBot {
		return MachineCrawler
	}
	return ""
}

// lowered appends ua in ASCII lower case.
func lowered(to, ua []byte) []byte {
	for _, c := range ua {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		to = append(to, c)
	}
	return to
}
