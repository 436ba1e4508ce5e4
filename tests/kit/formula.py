"""Redoes the arithmetic of a formula text by fractions: an evaluator that shares nothing with the engine."""

import ast
import math
import re
from fractions import Fraction


def evaluate(text: str) -> Fraction:
    """The value of `10 × 2 + ⌈11 ÷ 10⌉ × 3`. Raises SyntaxError or ValueError on what is not arithmetic."""
    python = text.replace("⌈", "ceil(").replace("⌉", ")").replace("⌊", "floor(").replace("⌋", ")")
    python = python.replace("×", "*").replace("÷", "/").replace("−", "-").replace(";", ",")
    return _value(ast.parse(re.sub(r"\d+(\.\d+)?", r'"\g<0>"', python), mode="eval").body)


def check(formula: str) -> Fraction:
    """Every `left = right` of the formula holds; the last right side. Steps are apart by `; `, names end in `: `."""
    value = Fraction(0)
    for step in _steps(formula):
        expression, _, right = step.rpartition(": ")[2].rpartition(" = ")
        value = evaluate(right)
        assert not expression or evaluate(expression) == value, step
    return value


def _steps(formula: str) -> list[str]:
    """Apart by `; `, where no bracket is open."""
    steps, depth = [""], 0
    for sign in formula:
        depth += (sign == "(") - (sign == ")")
        if sign == ";" and depth == 0:
            steps.append("")
        else:
            steps[-1] += sign
    return [step.strip() for step in steps]


def _value(node: ast.expr) -> Fraction:
    match node:
        case ast.Constant(value=str(digits)):
            return Fraction(digits)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.BinOp(left=left, op=operation, right=right):
            a, b = _value(left), _value(right)
            match operation:
                case ast.Add():
                    return a + b
                case ast.Sub():
                    return a - b
                case ast.Mult():
                    return a * b
                case ast.Div():
                    return a / b
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _call(name, [_value(argument) for argument in arguments])
    raise ValueError(ast.dump(node))


def _call(name: str, values: list[Fraction]) -> Fraction:
    match name, values:
        case "ceil", [value]:
            return Fraction(math.ceil(value))
        case "floor", [value]:
            return Fraction(math.floor(value))
        case "min", [*values]:
            return min(values)
        case "max", [*values]:
            return max(values)
        case "round", [value, decimals]:
            shifted = abs(value) * 10 ** int(decimals) + Fraction(1, 2)
            return Fraction(math.floor(shifted), 10 ** int(decimals)) * (-1 if value < 0 else 1)
    raise ValueError(name)
