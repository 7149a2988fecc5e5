"""An MCP server over stdio that converts units of length, weight and volume."""

from mcp.server.fastmcp import FastMCP

# Each unit in the first of its row.
UNITS = {
    "length": {"metre": 1.0, "kilometre": 1000.0, "mile": 1609.344, "foot": 0.3048, "inch": 0.0254},
    "weight": {"kilogram": 1.0, "gram": 0.001, "pound": 0.45359237, "ounce": 0.028349523125},
    "volume": {"litre": 1.0, "millilitre": 0.001, "gallon": 3.785411784, "pint": 0.473176473},
}
SHORT = {
    "m": "metre", "km": "kilometre", "mi": "mile", "ft": "foot", "in": "inch",
    "kg": "kilogram", "g": "gram", "lb": "pound", "oz": "ounce", "l": "litre", "ml": "millilitre",
    "feet": "foot", "inches": "inch",
}  # fmt: skip

server = FastMCP("units", log_level="WARNING")


@server.tool()
def list_units() -> str:
    """List the units that can be converted."""
    return "\n".join(f"{kind}: {', '.join(units)}" for kind, units in UNITS.items())


@server.tool()
def convert(amount: float, source: str, target: str) -> str:
    """Convert an amount from one unit to another, such as 5 mile to kilometre."""
    units = next((units for units in UNITS.values() if _name(source) in units), {})
    if _name(target) not in units:
        raise ValueError(f"{source} can't be converted to {target}. Known are:\n{list_units()}")
    converted = amount * units[_name(source)] / units[_name(target)]
    return f"{amount:g} {source} = {converted:.6g} {target}"


def _name(unit: str) -> str:
    plain = unit.strip().lower()
    plain = SHORT.get(plain) or SHORT.get(plain.removesuffix("s")) or plain.removesuffix("s")
    return plain.replace("meter", "metre").replace("liter", "litre")


if __name__ == "__main__":
    server.run("stdio")
