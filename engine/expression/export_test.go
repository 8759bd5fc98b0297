package expression

// OnVM returns the program compiled for the virtual machine, whatever it runs on.
func (p *Program) OnVM() (*Program, error) {
	u, err := p.lang.analyse(p.source, p.want)
	if err != nil {
		return nil, err
	}
	q := u.program(p.want)
	err = q.compileBytecode(u)
	return q, err
}

// IsClosure reports whether the program needs no virtual machine.
func (p *Program) IsClosure() bool { return p.code == nil }
