package action

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/supplypoint"
)

type logConfig struct {
	Level string      `json:"level" default:"\"info\"" enum:"debug|info|warn|error" doc:"Level of the line."`
	Text  engine.Text `json:"text" default:"\"type\"" doc:"Expression that gives the text; supply points in it are masked." example:"device + ' sent ' + type"`
}

// Log is the kind action.log: it writes a line to the server's log.
func Log() engine.Kind {
	return engine.Kind{
		Name: "action.log", Summary: "Write a line to the server's log",
		Doc: "The line has the event `chain_log` and names chain, node, device, message id, message type and outcome; the text " +
			"stands in the field `text`. Supply points in it are masked, the supplier key cannot get into it. One device makes " +
			"at most ten lines a minute at a node; the rest is dropped.",
		Relations: []string{engine.RelationSuccess},
		Config:    logConfig{},
		New: engine.Build(func(c logConfig, env engine.Env) (engine.Node, error) {
			level, err := zerolog.ParseLevel(c.Level)
			if err != nil {
				return nil, err
			}
			return &logNode{config: c, level: level, logger: env.Logger(), now: env.Now, lines: map[string]int{}}, nil
		}),
		Examples: []engine.Example{
			{Title: "Who sent what", Config: `{"text": "device + ' sent ' + type"}`, Relation: "Success"},
			{Title: "Something to look after", Config: `{"level": "warn", "text": "'no grid for ' + cups.mask(msg.cups)"}`, Payload: `{"cups": "ES0031000000000001BJ"}`, Relation: "Success"},
		},
	}
}

// Limits of one node, so that devices can fill neither the log nor, by their number, the memory.
const (
	linesPerMinute   = 10
	devicesPerMinute = 10_000
)

type logNode struct {
	config logConfig
	level  zerolog.Level
	logger zerolog.Logger
	now    func() time.Time

	mu     sync.Mutex // protects what follows
	minute int64
	lines  map[string]int // of this minute, by lane
}

func (n *logNode) Process(ctx context.Context, m *engine.Message) (engine.Result, error) {
	if !n.wanted() {
		return engine.Success(m), nil
	}
	text, err := n.config.Text.Eval(ctx, m)
	if err != nil {
		return engine.Result{}, err
	}
	if n.allow(m.Lane()) {
		n.logger.WithLevel(n.level).Str("event", "chain_log").Str("device", supplypoint.MaskIn(m.Origin().Name)).Str("message", m.ID()).Str("type", m.Type()).
			Str("outcome", m.Outcome()).Str("text", redact(m, text)).Send()
	}
	return engine.Success(m), nil
}

func (n *logNode) wanted() bool {
	return n.level >= n.logger.GetLevel() && n.level >= zerolog.GlobalLevel()
}

func (n *logNode) allow(lane string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if minute := n.now().Unix() / 60; minute != n.minute {
		n.minute = minute
		clear(n.lines)
	}
	if _, known := n.lines[lane]; !known && len(n.lines) >= devicesPerMinute {
		return false
	}
	n.lines[lane]++
	return n.lines[lane] <= linesPerMinute
}

// least is how long a value must be to be taken for somebody's supply point, however badly it is written.
const least = 10

// redact masks supply points: the message's own, as it is written there, and whatever looks like one.
func redact(m *engine.Message, text string) string {
	if v, ok := m.Data().Field("cups"); ok {
		if own, ok := v.(string); ok && len(own) >= least {
			text = strings.ReplaceAll(text, own, supplypoint.Mask(own))
		}
	}
	return supplypoint.MaskIn(text)
}
