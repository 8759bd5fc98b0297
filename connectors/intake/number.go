package intake

// decimal is a number as its digits stand in a text: whole.fraction × 10^exponent.
type decimal struct {
	negative        bool
	whole, fraction []byte
	exponent        int
	point, exp      bool // whether it was written with "." and with "e"
}

// maxExponent is where an exponent stops to count: no number of a payload that far out is kept.
const maxExponent = 1 << 30

// maxZeros is how many digits an exponent may add. Doubles end at 309; without a bound, "1e999999999" would be a bomb.
const maxZeros = 400

// maxDecimals is how many digits behind the point ThingsBoard lets a float have.
const maxDecimals = 16

// parseDecimal takes apart what isNumber or looksLikeNumber accepted.
func parseDecimal(text []byte) decimal {
	var d decimal
	if text[0] == '-' {
		d.negative = true
		text = text[1:]
	}
	n := digits(text)
	d.whole, text = text[:n], text[n:]
	if len(text) > 0 && text[0] == '.' {
		n = digits(text[1:])
		d.fraction, text = text[1:1+n], text[1+n:]
		d.point = true
	}
	if len(text) > 0 {
		d.exp = true
		negative := text[1] == '-'
		if negative || text[1] == '+' {
			text = text[1:]
		}
		for _, c := range text[1:] {
			d.exponent = min(10*d.exponent+int(c-'0'), maxExponent)
		}
		if negative {
			d.exponent = -d.exponent
		}
	}
	return d
}

// looksLikeNumber is NumberUtils.isParsable of Apache Commons, which ThingsBoard asks whether to cast a string: an
// optional "-", digits, at most one "." that is not the last character.
func looksLikeNumber(text []byte) bool {
	if len(text) > 0 && text[0] == '-' {
		text = text[1:]
	}
	if len(text) == 0 || text[len(text)-1] == '.' {
		return false
	}
	points := 0
	for _, c := range text {
		if c == '.' {
			points++
		} else if c < '0' || c > '9' {
			return false
		}
	}
	return points <= 1
}

// form is how a number goes on.
type form uint8

const (
	formInteger form = iota // 64-bit integer
	formFloat
	formText // neither can hold it: plain digits in a string
	formNone // too long to write out
)

// appendNumber writes a number in plain digits and tells what it is, as ThingsBoard's
// JsonConverter.buildNumericKeyValueProto does with BigDecimal.
func appendNumber(out, text []byte) ([]byte, form) {
	d := parseDecimal(text)
	sum := len(d.whole) + len(d.fraction)
	zeros := 0 // how many digits at the end are zeros
	for zeros < sum && d.digit(sum-1-zeros) == '0' {
		zeros++
	}
	if zeros == sum {
		switch {
		case d.point && !d.exp && len(d.fraction) > maxDecimals:
			return d.appendPlain(out, sum, formText)
		case d.point && !d.exp:
			return d.appendPlain(out, sum, formFloat)
		}
		return append(out, '0'), formInteger
	}
	scale := len(d.fraction) - d.exponent // as BigDecimal has it: digits behind the point, negative for zeros before it
	if added := max(-scale, scale-sum); added > maxZeros {
		return out, formNone
	}
	if scale-zeros <= 0 && (!d.point || d.exp) {
		return d.appendInteger(out, sum-zeros, zeros-scale)
	}
	if scale > maxDecimals {
		return d.appendPlain(out, sum, formText)
	}
	return d.appendPlain(out, sum, formFloat)
}

// digit is the i-th digit, the point left out.
func (d *decimal) digit(i int) byte {
	if i < len(d.whole) {
		return d.whole[i]
	}
	return d.fraction[i-len(d.whole)]
}

// appendInteger writes the first n digits and so many zeros.
func (d *decimal) appendInteger(out []byte, n, zeros int) ([]byte, form) {
	if d.negative {
		out = append(out, '-')
	}
	begin := len(out)
	for i := range n {
		if c := d.digit(i); c != '0' || len(out) > begin {
			out = append(out, c)
		}
	}
	for range zeros {
		out = append(out, '0')
	}
	limit := "9223372036854775807"
	if d.negative {
		limit = "9223372036854775808"
	}
	if n := len(out) - begin; n > len(limit) || n == len(limit) && string(out[begin:]) > limit {
		return out, formText
	}
	return out, formInteger
}

// appendPlain writes a number with a point. A float loses the zeros at its end but one; a text keeps what was written.
func (d *decimal) appendPlain(out []byte, sum int, f form) ([]byte, form) {
	point := len(d.whole) + d.exponent // how many digits stand before the point; may lie outside of them
	first := 0
	for first < sum && d.digit(first) == '0' {
		first++
	}
	if d.negative && first < sum {
		out = append(out, '-')
	}
	begin := len(out)
	for i := first; i < point; i++ {
		out = append(out, d.digit(i))
	}
	if len(out) == begin {
		out = append(out, '0')
	}
	if f == formFloat && len(out)-begin > 308 {
		f = formText // ThingsBoard makes an infinity of it, which JSON cannot say
	}
	out = append(out, '.')
	behind := len(out)
	for i := point; i < sum; i++ {
		if i < 0 {
			out = append(out, '0')
		} else {
			out = append(out, d.digit(i))
		}
	}
	for f == formFloat && len(out) > behind+1 && out[len(out)-1] == '0' {
		out = out[:len(out)-1]
	}
	return out, f
}
