package banner

import (
	"fmt"
	"strings"
	"time"

	"github.com/kunjicloud/kunji/edge/site"
)

// Ended is what visitors are told of a site that was wound down, in every language
// of the banner.
func Ended(s *site.Site, since time.Time) (map[string]site.IncidentText, error) {
	all, err := loadWords(wordFiles)
	if err != nil {
		return nil, err
	}
	texts := make(map[string]site.IncidentText, len(all))
	for tag, w := range all {
		texts[tag] = w.ended(tag, s, since)
	}
	return texts, nil
}

// ended has the sections in the order of an incident's.
func (w *words) ended(tag string, s *site.Site, since time.Time) site.IncidentText {
	name := s.Name
	if name == "" {
		name = s.ID
	}
	say := func(key string) string {
		return strings.NewReplacer("{site}", name, "{date}", since.Format(time.DateOnly)).Replace(w.Ended[key])
	}
	whom := say("whom")
	if c := s.Controller; c.Name != "" || c.Email != "" {
		whom = strings.TrimSpace(c.Name + " " + c.Email)
	}
	var b strings.Builder
	for _, section := range []string{"what", "data", "proof", "you"} {
		fmt.Fprintf(&b, "## %s\n\n%s\n\n", say(section+"_title"), say(section))
	}
	fmt.Fprintf(&b, "## %s\n\n%s\n", say("whom_title"), whom)
	return site.IncidentText{Language: tag, Title: say("title"), Markdown: []byte(b.String())}
}
