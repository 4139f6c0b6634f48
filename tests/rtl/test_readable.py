"""Names and tests of converted Verilog, as text."""

from netchip.rtl.readable import in_place, plain_names

MODULE = r"""module a(x, y, z);
  wire \$1 ;
  wire \$2 ;
  wire [2:0] \$3 ;
  wire \$4 ;
  wire \y$7 ;
  assign \$1  = x == 3'h4;
  assign \$2  = ! \$4 ;
  assign \$3  = x + 1'h1;
  assign \$4  = ~ y;
  assign \y$7  = \$1  | \$2 ;
  assign z = \$3 [0] & \y$7 ;
  \begin  inner (.\begin (z));
endmodule
"""


def test_names_are_plain_and_the_same_everywhere() -> None:
    found = plain_names(MODULE)
    assert "\\" not in found
    assert "assign y_7 = w1 | w2 ;" in found
    assert found.count("begin_") == 2


def test_names_that_are_taken_get_another() -> None:
    assert plain_names("wire a_1; wire \\a$1 ;") == "wire a_1; wire a_1_ ;"


def test_a_test_of_one_bit_stands_where_it_is_used_and_nothing_else_is_moved() -> None:
    found = in_place(plain_names(MODULE))
    assert "assign y_7 = (x == 3'h4) | (! w4) ;" in found
    assert "w1" not in found
    assert "w2" not in found
    assert "assign w3 = x + 1'h1;" in found
    assert "assign w4 = ~ y;" in found


def test_a_test_that_is_used_twice_stays() -> None:
    twice = "  wire w1 ;\n  assign w1 = a == b;\n  assign c = w1 ;\n  assign d = w1 ;\n"
    assert in_place(twice) == twice
