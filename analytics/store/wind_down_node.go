package store

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/google/uuid"
)

// The receipt of a wind-down is about ClickHouse. What nodes keep beside it, in
// spools and in what they set aside, each of them cleans by itself, and says so in
// an addendum of its own, signed alike.

// NodeCleaned is what one node took from its disk for a wind-down.
type NodeCleaned struct {
	Site           string
	Node           [16]byte  // the id of its spool
	Begun, Cleaned time.Time // the wind-down; the node's end of it
	Aside          uint64    // records dropped, or left without their subject, of what was set aside
	Statements     uint64    // what mail recipients said
	Signature      []byte    // over all of the above
}

// Message is what the signature is over.
func (n *NodeCleaned) Message() []byte {
	b := appendText([]byte("kunji/wind-down/node/1\x00"), n.Site)
	b = append(b, n.Node[:]...)
	for _, v := range []uint64{uint64(n.Begun.UnixMilli()), uint64(n.Cleaned.UnixMilli()), n.Aside, n.Statements} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	return b
}

var nodeCleanedTable = table[NodeCleaned]{"wind_down_nodes", []column[NodeCleaned]{
	term("site", func(n *NodeCleaned) string { return n.Site }),
	id("node", func(n *NodeCleaned) [16]byte { return n.Node }),
	moment("begun", func(n *NodeCleaned) time.Time { return n.Begun }),
	moment("cleaned", func(n *NodeCleaned) time.Time { return n.Cleaned }),
	word("aside", func(n *NodeCleaned) uint64 { return n.Aside }),
	word("statements", func(n *NodeCleaned) uint64 { return n.Statements }),
	text("receipt", func(n *NodeCleaned) string { return string(n.Signature) }),
}}

// PutNodeCleaned keeps what a node says.
func (s *Store) PutNodeCleaned(ctx context.Context, n NodeCleaned) error {
	return insertOwn(ctx, s, nodeCleanedTable, []*NodeCleaned{&n})
}

// NodesCleaned returns what nodes said about a site's wind-down, and which nodes
// that wrote proof for the site have said nothing yet.
func (s *Store) NodesCleaned(ctx context.Context, w WindDown) (all []NodeCleaned, silent [][16]byte, err error) {
	params := map[string]any{"site": w.Site, "begun": w.Begun.UnixMilli()}
	const said = "FROM wind_down_nodes FINAL WHERE site = {site:String} AND begun = fromUnixTimestamp64Milli({begun:Int64}, 'UTC')"
	rows, err := s.query(ctx, "read what nodes cleaned", "SELECT node, cleaned, aside, statements, receipt "+said+" ORDER BY cleaned, node", params)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	heard := map[[16]byte]bool{}
	for rows.Next() {
		n := NodeCleaned{Site: w.Site, Begun: w.Begun}
		var node uuid.UUID
		var receipt string
		if err := rows.Scan(&node, &n.Cleaned, &n.Aside, &n.Statements, &receipt); err != nil {
			return nil, nil, err
		}
		n.Node, n.Cleaned, n.Signature = node, n.Cleaned.UTC(), []byte(receipt)
		all, heard[n.Node] = append(all, n), true
	}
	if err := rows.Err(); err != nil {
		return nil, nil, err
	}
	wrote, err := s.query(ctx, "read which nodes wrote proof", "SELECT DISTINCT node FROM consents WHERE site = {site:String} ORDER BY node", map[string]any{"site": w.Site})
	if err != nil {
		return nil, nil, err
	}
	defer wrote.Close()
	for wrote.Next() {
		var node uuid.UUID
		if err := wrote.Scan(&node); err != nil {
			return nil, nil, err
		}
		if !heard[node] && node != uuid.Nil {
			silent = append(silent, node)
		}
	}
	return all, silent, wrote.Err()
}

// EndsUntold returns the wind-downs that are done and that a site's webhook has not
// taken.
func (s *Store) EndsUntold(ctx context.Context) ([]WindDown, error) {
	return s.windDowns(ctx, "step = {done:UInt8} AND (site, begun) NOT IN (SELECT site, begun FROM wind_down_told)", map[string]any{"done": uint8(stepDone)})
}

// endTold is a row of wind_down_told.
type endTold struct {
	site        string
	begun, told time.Time
}

var endToldTable = table[endTold]{"wind_down_told", []column[endTold]{
	term("site", func(e *endTold) string { return e.site }),
	moment("begun", func(e *endTold) time.Time { return e.begun }),
	moment("told", func(e *endTold) time.Time { return e.told }),
}}

// EndTold notes that it was taken.
func (s *Store) EndTold(ctx context.Context, w WindDown) error {
	return insertOwn(ctx, s, endToldTable, []*endTold{{w.Site, w.Begun, s.now().UTC()}})
}
