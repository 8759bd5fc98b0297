package expression_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/gridtie/gridtie/engine/expression"
)

func Example() {
	language, err := expression.New()
	if err != nil {
		panic(err)
	}
	program, err := language.Compile(`present(msg.supplierKey) && present(msg.cups)`, expression.Bool)
	if err != nil {
		panic(err)
	}
	both, err := program.Bool(context.Background(), newMessage())
	fmt.Println(both, err)
	// Output: true <nil>
}

// A program adds its own functions. Those that look something up get the context of the run.
func ExampleNew() {
	holidays := expression.Func1(expression.Function{
		Name: "calendar.holiday", Doc: "Whether the day is a holiday in the country.",
		Example: `calendar.holiday("ES")`, Params: []expression.Param{{Name: "country"}},
	}, func(_ context.Context, country string) (bool, error) { return country == "ES", nil })

	language, err := expression.New(holidays)
	if err != nil {
		panic(err)
	}
	program, err := language.Compile(`calendar.holiday("ES") ? "night" : "day"`, expression.String)
	if err != nil {
		panic(err)
	}
	fmt.Println(program.String(context.Background(), newMessage()))
	// Output: night <nil>
}

func ExampleError() {
	language, _ := expression.New()
	_, err := language.Compile(`present(msg.cups) && present(supplierkey)`, expression.Bool)
	var at *expression.Error
	if errors.As(err, &at) {
		fmt.Println(at.Message)
		fmt.Println(at.Caret())
	}
	// Output:
	// unknown name supplierkey
	// present(msg.cups) && present(supplierkey)
	//                              ^ did you mean msg.supplierKey?
}

// An evaluation that has no result is an error, never false.
func ExampleProgram_Bool() {
	language, _ := expression.New()
	program, _ := language.Compile(`msg.power > 100`, expression.Bool)
	_, err := program.Bool(context.Background(), newMessage())
	fmt.Println(err)
	// Output: expression "msg.power > 100" (1:11): cannot apply >: left is missing, right is a number
}

func ExampleProgram_Explain() {
	language, _ := expression.New()
	masked := language.Redacting(func(text string) string { return text[:2] + strings.Repeat("•", len(text)-2) })
	program, _ := masked.Compile(`present(msg.supplierKey) && msg.cups startsWith "ES"`, expression.Bool)
	for _, value := range program.Explain(context.Background(), newMessage()) {
		fmt.Println(value)
	}
	// Output:
	// present(msg.supplierKey) = true
	// msg.cups = "ES••••••••••••••••••"
}
