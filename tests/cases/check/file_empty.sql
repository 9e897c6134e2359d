-- error: E0109
-- at: none
-- message: holds no statements

-- only comments;
/* and ; white space */ ;;
