package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Limits of a chain file, so that a hostile one costs no more than reading it.
const (
	maxFileSize  = 1 << 20 // bytes
	maxFileDepth = 32
	maxNodes     = 500 // of one chain; 1,000 only by raising it here
)

// tree is a JSON value that knows where it stands. Faults in a chain file are reported by place, and all at once, which
// rules out decoding straight into structs.
type tree struct {
	kind    jsontext.Kind // '{' '[' '"' '0' 't' 'f' 'n'
	start   int           // offset of the first byte
	pointer string        // RFC 6901
	members []member      // of an object
	items   []*tree       // of an array
	raw     []byte        // the text of the value
}

type member struct {
	name  string
	start int // offset of the name
	value *tree
}

// parseTree reads the text of a file. Faults that do not prevent reading on (a name given twice) are reported to report.
func parseTree(text []byte, report func(offset int, pointer, code, message string)) *tree {
	if len(text) > maxFileSize {
		report(0, "", "too-large", fmt.Sprintf("the file has %d bytes; at most %d are read", len(text), maxFileSize))
		return nil
	}
	p := &treeParser{
		text:    text,
		report:  report,
		decoder: jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true)),
	}
	root, err := p.value("", 0)
	if err == nil {
		if _, end := p.decoder.ReadToken(); !errors.Is(end, io.EOF) {
			err = errors.New("text after the end of the document")
		}
	}
	if err != nil {
		p.fault(err)
		return nil
	}
	return root
}

type treeParser struct {
	text    []byte
	decoder *jsontext.Decoder
	report  func(offset int, pointer, code, message string)
}

func (p *treeParser) fault(err error) {
	offset, pointer, message := p.next(), "", err.Error()
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		offset, pointer, message = int(syntactic.ByteOffset), string(syntactic.JSONPointer), syntactic.Err.Error()
	}
	p.report(min(offset, len(p.text)), pointer, "syntax", strings.TrimPrefix(message, "jsontext: "))
}

// next is the offset of the token that comes next: the decoder's own offset is the end of the last one.
func (p *treeParser) next() int {
	i := int(p.decoder.InputOffset())
	for i < len(p.text) && strings.IndexByte(" \t\r\n,:", p.text[i]) >= 0 {
		i++
	}
	return i
}

func (p *treeParser) value(pointer string, depth int) (*tree, error) {
	if depth > maxFileDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxFileDepth)
	}
	n := &tree{kind: p.decoder.PeekKind(), start: p.next(), pointer: pointer}
	switch n.kind {
	case '{':
		if err := p.object(n, depth); err != nil {
			return nil, err
		}
	case '[':
		if err := p.array(n, depth); err != nil {
			return nil, err
		}
	default:
		if _, err := p.decoder.ReadToken(); err != nil {
			return nil, err
		}
	}
	n.raw = p.text[n.start:p.decoder.InputOffset()]
	return n, nil
}

func (p *treeParser) object(n *tree, depth int) error {
	if _, err := p.decoder.ReadToken(); err != nil {
		return err
	}
	for p.decoder.PeekKind() == '"' {
		at := p.next()
		token, err := p.decoder.ReadToken()
		if err != nil {
			return err
		}
		name := token.String()
		here := n.pointer + "/" + escapePointer(name)
		if n.member(name) != nil {
			p.report(at, here, "duplicate-name", fmt.Sprintf("the name %q stands twice in one object", name))
		}
		v, err := p.value(here, depth+1)
		if err != nil {
			return err
		}
		n.members = append(n.members, member{name: name, start: at, value: v})
	}
	_, err := p.decoder.ReadToken()
	return err
}

func (p *treeParser) array(n *tree, depth int) error {
	if _, err := p.decoder.ReadToken(); err != nil {
		return err
	}
	for k := p.decoder.PeekKind(); k != ']' && k != 0; k = p.decoder.PeekKind() {
		v, err := p.value(fmt.Sprintf("%s/%d", n.pointer, len(n.items)), depth+1)
		if err != nil {
			return err
		}
		n.items = append(n.items, v)
	}
	_, err := p.decoder.ReadToken()
	return err
}

// member is the value of that name, nil if there is none.
func (n *tree) member(name string) *tree {
	for i := range n.members {
		if n.members[i].name == name {
			return n.members[i].value
		}
	}
	return nil
}

// text is the value of a string.
func (n *tree) text() string {
	var s string
	if json.Unmarshal(n.raw, &s) != nil {
		return ""
	}
	return s
}

func (n *tree) kindName() string {
	switch n.kind {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "something unknown"
}

func escapePointer(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}
