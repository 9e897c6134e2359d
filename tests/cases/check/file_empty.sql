-- error: E0109
-- at: none
-- message: contains no statements

-- only comments;
/* and ; white space */ ;;
