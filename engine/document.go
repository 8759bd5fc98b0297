package engine

// DocumentValue is a value in a strict JSON file that is no chain but lies beside chains, and whose faults are to be told as
// theirs are: all at once, each with its place. The zero value is a value that is not there. Values of one document report
// to one list, which nobody else may use meanwhile.
type DocumentValue struct {
	file *sourceFile
	at   *tree
}

// ReadDocument reads a file under the limits of chain files. The value is not there if the text is no JSON; what is wrong is
// added to report, also later, by the methods of the value.
func ReadDocument(f File, report *Findings) DocumentValue {
	s := &sourceFile{name: f.Name, source: f.Text, findings: report}
	root := parseTree(f.Text, func(offset int, pointer, code, message string) {
		s.report(SeverityError, offset, pointer, code, message, "")
	})
	if root == nil {
		return DocumentValue{}
	}
	return DocumentValue{s, root}
}

// IsZero says that the value is not there.
func (v DocumentValue) IsZero() bool { return v.at == nil }

// Kind is how the value's text begins: '{', '[', '"', '0' for every number, 't', 'f', 'n', or 0 if it is not there.
func (v DocumentValue) Kind() byte {
	if v.at == nil {
		return 0
	}
	return byte(v.at.kind)
}

// KindName is the kind in words, such as "a number".
func (v DocumentValue) KindName() string { return v.at.kindName() }

// Member is the member of that name of an object; it may not be there.
func (v DocumentValue) Member(name string) DocumentValue {
	if v.at == nil {
		return v
	}
	if at := v.at.member(name); at != nil {
		return DocumentValue{v.file, at}
	}
	return DocumentValue{}
}

// Known reports the members of an object that are not among these names. It is false if the value is no object.
func (v DocumentValue) Known(names ...string) bool { return v.file.known(v.at, names...) }

// Object is the member of that name, which is reported unless it is an object.
func (v DocumentValue) Object(name, hint string) DocumentValue {
	if at := v.file.object(v.at, name, hint); at != nil {
		return DocumentValue{v.file, at}
	}
	return DocumentValue{}
}

// Items are the values of the array of that name; another type is reported. Null stands for none.
func (v DocumentValue) Items(name string) []DocumentValue {
	var items []DocumentValue
	for _, at := range v.file.array(v.at, name, false) {
		items = append(items, DocumentValue{v.file, at})
	}
	return items
}

// Text is the string of that name; another type is reported, and so is none, or an empty one, if it is required.
func (v DocumentValue) Text(name string, required bool) string {
	return v.file.text(v.at, name, required)
}

// String is the text of a string, empty for anything else.
func (v DocumentValue) String() string {
	if v.Kind() != '"' {
		return ""
	}
	return v.at.text()
}

// Line is where the value begins, from 1.
func (v DocumentValue) Line() int {
	line, _ := position(v.file.source, v.at.start)
	return line
}

// Fault reports an error in the value.
func (v DocumentValue) Fault(code, message, hint string) { v.file.errorAt(v.at, code, message, hint) }

// ReportTo is the value, reporting to another list from now on.
func (v DocumentValue) ReportTo(findings *Findings) DocumentValue {
	if v.file == nil {
		return v
	}
	file := *v.file
	file.findings = findings
	v.file = &file
	return v
}

// Canonical is the value without layout and remarks, for revisions.
func (v DocumentValue) Canonical() []byte { return v.file.canonical(v.at) }

// Suggest is a hint for a word that is none of these: the nearest of them, else all.
func Suggest(word string, candidates []string) string { return orList(word, candidates) }

// Sort puts findings in the order of their places.
func (f Findings) Sort() { f.sort() }
