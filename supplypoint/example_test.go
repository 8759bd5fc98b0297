package supplypoint_test

import (
	"errors"
	"fmt"

	"github.com/gridtie/gridtie/supplypoint"
)

func ExampleParse() {
	p, err := supplypoint.Parse("es 0021 0000 0000 0001 rk 0f")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p)
	fmt.Println(p.Scheme(), p.Distributor(), p.Suffix(), p.Level())
	// Output:
	// ES0021•••••••••••••1RK
	// cups 0021 0F checksum
}

func ExampleError() {
	_, err := supplypoint.Parse("ES0021000000000001AB")
	fmt.Println(err)
	var refused *supplypoint.Error
	if errors.As(err, &refused) && refused.Reason == supplypoint.ReasonCheckLetters {
		fmt.Println("most often a typing error; reached:", refused.Level)
	}
	// Output:
	// reading cups: CHECK_LETTERS: the check letters do not belong to the digits
	// most often a typing error; reached: format
}

func ExampleCheck() {
	fmt.Printf("%+v\n", supplypoint.Check("ES0021000000000001RK"))
	fmt.Printf("%+v\n", supplypoint.Check("ES0021000000000001RK0"))
	// Output:
	// {OK:true Scheme:cups Level:checksum Reason:}
	// {OK:false Scheme:cups Level:none Reason:LENGTH}
}

func ExampleMask() {
	fmt.Println(supplypoint.Mask("ES0021000000000001XX"))
	fmt.Println(supplypoint.Mask("neither this nor that"))
	// Output:
	// ES0021•••••••••••••1XX
	// •••••••••••••
}

func ExampleSynthetic() {
	fmt.Println(supplypoint.Synthetic("0022", 1).ID())
	// Output: ES0022000000000001FB
}
